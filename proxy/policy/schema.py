"""The two kinds of policy files, `Policy` and `Pack`, as models (docs/adr/0014-rules-as-tables.md). What a type cannot say (known
clauses, names, endpoints) is for the loader.
"""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from proxy.core.decision import EFFECTS
from proxy.core.rules import Rate

API_VERSION = "tos-proxy/v1"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,31}")
_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([kM]?)/([0-9]{0,6})(s|m|min|h|d)")
_TIMES = {"": 1, "k": 1000, "M": 1_000_000}
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_PERCENT = re.compile(r"([0-9]{1,3})%")
_MEMBER = re.compile(r"[^.\s]+(?:\.[^.\s]+)*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _name(written: str) -> str:
    if not _NAME.fullmatch(written):
        raise ValueError("should be lower-case letters, digits, '.', '_' and '-', at most 63, beginning with a letter or digit")
    return written


def _version(written: str) -> str:
    if not _VERSION.fullmatch(written):
        raise ValueError("should be a version such as 1.4.0 or 2026-11-22")
    return written


def rate(written: Any) -> Rate:
    """`30/m`, `50k/h`, `1000/15m`: so many in so much time.

    Raises: ValueError with a message for people.
    """
    found = _RATE.fullmatch(written) if isinstance(written, str) else None
    if isinstance(written, Rate):
        return written
    if found is None:
        raise ValueError("should be a rate such as 30/m, 50k/h or 1000/15m")
    count = round(float(found[1]) * _TIMES[found[2]])
    seconds = float(found[3] or 1) * _SECONDS[found[4]]
    if count < 1 or seconds <= 0:
        raise ValueError("should let at least one through: to refuse all, write effect: deny")
    return Rate(count, seconds)


def moment(written: Any) -> int:
    """Microseconds since 1970 UTC of `2027-01-01` (its first moment) or `2027-01-01T12:00:00Z`.

    Raises: ValueError with a message for people.
    """
    if type(written) is int:
        return written
    try:
        found = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        raise ValueError("should be a date such as 2027-01-01 or 2027-01-01T12:00:00Z") from None
    if found.tzinfo is None and len(written) > len("2027-01-01"):
        raise ValueError("should say its time zone: write Z at the end for UTC")
    passed = found.replace(tzinfo=found.tzinfo or UTC) - _EPOCH
    return (passed.days * 86400 + passed.seconds) * 1_000_000 + passed.microseconds


def _percent(written: Any) -> int:
    found = _PERCENT.fullmatch(written) if isinstance(written, str) else None
    if found is None and type(written) is not int:
        raise ValueError("should be a share of the principals such as 25%")
    share = int(found[1]) if found else int(written)
    if not 0 <= share <= 100:
        raise ValueError("should be between 0% and 100%")
    return share


def _member(written: str) -> str:
    if not _MEMBER.fullmatch(written):
        raise ValueError("should be a member of the body, inner ones by dots: provider.enforce_distillable_text")
    return written


def _some(written: Any) -> Any:
    """One value where a list is wanted counts as a list of one."""
    return [written] if isinstance(written, str) else written


def _one_or_more(written: list[str]) -> list[str]:
    if not written:
        raise ValueError("should name at least one")
    return written


FileName = Annotated[str, AfterValidator(_name)]
Member = Annotated[str, AfterValidator(_member)]
Rates = Annotated[
    Rate, BeforeValidator(rate), WithJsonSchema({"type": "string", "pattern": f"^{_RATE.pattern}$", "examples": ["30/m"]})
]
Moment = Annotated[int, BeforeValidator(moment), WithJsonSchema({"type": "string", "format": "date", "examples": ["2027-01-01"]})]
Percent = Annotated[int, BeforeValidator(_percent), WithJsonSchema({"type": ["string", "integer"], "examples": ["25%"]})]
Texts = Annotated[list[str], BeforeValidator(_some), AfterValidator(_one_or_more), Field(json_schema_extra={"minItems": 1})]


class Strict(BaseModel):
    """What all tables share."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_max_length=65536, use_attribute_docstrings=True, arbitrary_types_allowed=True
    )


class Throttle(Strict):
    """How fast each principal may go on, by this rule alone."""

    requests: Rates | None = None
    """Requests, as 30/m."""
    tokens: Rates | None = None
    """Tokens of prompt and answer, as 50k/h."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.requests is None and self.tokens is None:
            raise ValueError("a throttle needs requests or tokens, such as {requests: 30/m}")
        return self


class Effect(Strict):
    """What a match does: a word, or `throttle:` with its rates."""

    word: str
    throttle: Throttle | None = None

    @model_validator(mode="before")
    @classmethod
    def _written(cls, written: Any) -> Any:
        if isinstance(written, dict) and set(written) == {"throttle"} and isinstance(written["throttle"], dict):
            return {"word": "throttle", "throttle": written["throttle"]}
        if written == "throttle" or (isinstance(written, dict) and "throttle" in written):
            raise ValueError("a throttle says how fast: effect: {throttle: {requests: 30/m, tokens: 50k/h}}")
        if written not in EFFECTS:
            close = difflib.get_close_matches(str(written), EFFECTS, n=1)
            meant = f", did you mean {close[0]}?" if close else ""
            raise ValueError(f"should be allow, flag, deny or throttle: {{…}}{meant}")
        return {"word": written}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """As it is written, which is not as it is kept."""
        fields = handler.resolve_ref_schema(handler(schema))["properties"]
        throttled = {"type": "object", "properties": {"throttle": fields["throttle"]["anyOf"][0]}}
        words = [word for word in EFFECTS if word != "throttle"]
        return {"anyOf": [{"enum": words}, {**throttled, "required": ["throttle"], "additionalProperties": False}]}


class Transform(Strict):
    """Members of a JSON body to leave out and to set."""

    drop: Annotated[list[Member], BeforeValidator(_some)] = []
    """Members to leave out, as logprobs or provider.order."""
    set: dict[Member, Any] = {}
    """Members to set, with the value each is given."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        both = [path for path in self.drop if path in self.set]
        if both:
            raise ValueError(f"{both[0]} cannot be both dropped and set")
        return self


class Exemption(Strict):
    """Principals that the rule spares until a date."""

    principals: Texts
    """Names of principals; * and ? stand for any letters and any letter."""
    until: Moment
    """First moment at which the rule holds for them again, as 2027-01-01 (UTC)."""
    approver: Annotated[str, Field(min_length=1)]
    """Who approved it."""
    reason: str = ""
    """Why."""


class Metadata(Strict):
    """What a policy is called, and whose it is."""

    name: FileName
    """Stands in records and in messages to refused clients."""
    title: str = ""
    """One line for people."""
    owner: str = ""
    """Who answers for it, as legal@example.com."""


class PolicySpec(Strict):
    """When the rule matches, and what it does then."""

    mode: Literal["enforce", "shadow"] = "enforce"
    """shadow records what would have happened, and does nothing."""
    match: dict[str, Texts] = {}
    """Names and the values of which one must hold; * and ? stand for any letters and any letter. All names must match."""
    when: str = ""
    """An expression in CEL that must be true as well; the names are in docs/reference/policy.md."""
    effect: Effect
    """allow, flag, deny, or {throttle: {requests: 30/m, tokens: 50k/h}}. The strictest of all matching rules counts."""
    on_error: Literal["allow", "flag", "deny"] | None = None
    """The effect when the expression fails; deny for enforce and flag for shadow if not said."""
    transform: Annotated[Transform | None, BeforeValidator(lambda written: None if written == [] else written)] = None
    """Changes to the body of a matching call; where it cannot be changed, the call is denied."""
    obligations: Annotated[list[str], BeforeValidator(_some)] = []
    """What whoever uses the answer is obliged to."""
    exceptions: list[Exemption] = []
    """Principals that the rule spares for some time."""
    rollout: Percent = 100
    """Share of the principals for whom mode counts, as 25%; for the rest the rule is in shadow."""
    once: Literal["principal", "principal_endpoint"] | None = None
    """A flag becomes one finding a principal (or a principal and endpoint), not one a call."""
    clauses: Annotated[list[str], BeforeValidator(_some)] = []
    """Clauses of terms that the rule rests on, as openai.services.3.3e."""
    message: str = ""
    """What a denied client is told."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.once is not None and self.effect.word != "flag":
            raise ValueError("once is for effect: flag")
        return self

    @property
    def failing(self) -> str:
        """The effect when the expression fails."""
        return self.on_error or ("deny" if self.mode == "enforce" else "flag")


class Policy(Strict):
    """One rule: `policies/packs/<pack>/<rule>.yaml`, or a file in a folder of one's own."""

    apiVersion: Literal["tos-proxy/v1"]  # noqa: N815 - the word of the file
    kind: Literal["Policy"]
    metadata: Metadata
    spec: PolicySpec


class PackMetadata(Metadata):
    """What a pack is called, and which release of it this is."""

    version: Annotated[str, AfterValidator(_version)]
    """Grows with every change of the pack, as 1.4.0."""


class PackSpec(Strict):
    """What a pack is for."""

    summary: str = ""
    """What it catches, and what it leaves alone."""


class Pack(Strict):
    """A folder of policies that belong together: its `pack.yaml`."""

    apiVersion: Literal["tos-proxy/v1"]  # noqa: N815 - the word of the file
    kind: Literal["Pack"]
    metadata: PackMetadata
    spec: PackSpec = PackSpec()
