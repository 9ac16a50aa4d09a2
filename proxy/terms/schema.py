"""The kinds of file under `policies/terms/` (docs/adr/0013-terms-as-tables.md), as strict models: what is not known is a problem.

What one file can say wrongly by itself is found here; what files say of each other is `proxy.terms.crosschecks`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from proxy.core.principal import PURPOSES, UNDECLARED

API_VERSION = "tos-proxy/v1"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DECIDABLE = tuple(purpose for purpose in PURPOSES if purpose != UNDECLARED)

Confidence = Literal["stored_primary", "second_hand", "memory"]
Rank = Literal["contract", "policy", "licence_annex", "help_page", "third_party_flag"]
"""From the strongest to the weakest."""
Scope = Literal["any_model", "competing_models", "competing_products", "none"]
Updates = Literal["floats", "pinned_to_order_form", "on_acceptance"]
Bearer = Literal["customer", "end_user", "developer", "recipient"]
Basis = Literal["express_grant", "exception", "silence", "prohibition"]
Plan = Literal["api_key", "oauth_subscription", "coding_plan"]


def _day(written: Any) -> Any:
    if isinstance(written, dt.date):
        return written
    if not isinstance(written, str) or not _DAY.fullmatch(written):
        raise ValueError("should be a day such as 2026-01-31")
    try:
        return dt.date.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written} is no day of the calendar") from None


def _purpose(written: str) -> str:
    if written == UNDECLARED:
        raise ValueError("undeclared is judged as use.internal, it has no line of its own")
    if written not in _DECIDABLE:
        close = difflib.get_close_matches(written, _DECIDABLE, n=1, cutoff=0.4)
        raise ValueError(f"unknown purpose {written!r}" + (f", did you mean {close[0]}?" if close else ""))
    return written


def _listed(written: Any) -> Any:
    return written if isinstance(written, list) else [written]


Day = Annotated[dt.date, BeforeValidator(_day)]
Days = Annotated[list[Day], BeforeValidator(_listed)]
"""One day, or a list of days."""
Purpose = Annotated[str, AfterValidator(_purpose)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Attributes = dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")], str]


class Strict(BaseModel):
    """What all kinds share."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=4000, populate_by_name=True)


class Metadata(Strict):
    """What a file is of. `name` is what other files call it."""

    name: Name
    title: str = ""
    provider: str = ""
    url: str = ""


class Effective(Strict):
    """The days of a text: from `from` (included) until the next file of the same document, or `to` (excluded) if there is none."""

    from_: Day = Field(alias="from")
    to: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to is not None and self.to <= self.from_:
            raise ValueError("to should be later than from")
        return self


class Seen(Strict):
    """Where a text was read. `commit`: of the repository that `source` names."""

    source: str = ""
    commit: str = ""
    on: Day | None = None
    url: str = ""


class Clause(Strict):
    """One clause, in our own words. `seen`, `url`, `rank` and `review_by` are the document's unless it says otherwise.

    `fingerprint`: the first 16 hex digits of the SHA-256 of the line of the text that holds it (see `proxy.terms.drift`).
    """

    id: Name
    section: str = ""
    summary: Text
    scope: Scope = "none"
    applies_to: list[Bearer] = ["customer"]
    confidence: Confidence
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    review_by: Day | None = None
    rank: Rank | None = None
    url: str = ""
    seen: Seen | None = None
    note: str = ""


class DocumentSpec(Strict):
    """What one text says from one day on."""

    effective: Effective
    rank: Rank
    updates: Updates = "floats"
    seen: Seen = Seen()
    review_by: Day | None = None
    note: str = ""
    clauses: list[Clause] = []


class Document(Strict):
    """`kind: Document`: one text of a document, `<document>@<day>.yaml`."""

    api_version: Literal["tos-proxy/v1"] = Field(alias="apiVersion")
    kind: Literal["Document"]
    metadata: Metadata
    spec: DocumentSpec


class Line(Strict):
    """A line of the matrix: what a row says of some purposes, from `from` (included) until `until` (excluded).

    `confidence` and `review_by` are for what no clause says (silence); where there are clauses, theirs count, and these if they are
    worse. `conflict`: the clauses contradict each other.
    """

    purpose: Annotated[list[Purpose], BeforeValidator(_listed), Field(min_length=1)]
    verdict: Literal["allow", "allow_with_obligations", "review", "forbid", "model"]
    basis: Basis = "silence"
    from_: Day | None = Field(None, alias="from")
    until: Day | None = None
    requires: Attributes = {}
    otherwise: Literal["allow", "allow_with_obligations", "review", "forbid"] = "forbid"
    obligations: list[Text] = []
    clauses: list[Name] = []
    unless: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")] | None = None
    confidence: Confidence | None = None
    review_by: Day | None = None
    conflict: bool = False
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.from_ is not None and self.until is not None and self.until <= self.from_:
            raise ValueError("until should be later than from")
        if self.verdict == "allow_with_obligations" and not (self.obligations or self.requires):
            raise ValueError("allow_with_obligations should name obligations, or attributes that it requires")
        if self.basis == "prohibition" and self.verdict in ("allow", "allow_with_obligations", "model"):
            raise ValueError(f"a prohibition cannot be the basis of {self.verdict}")
        return self


class Agreement(Strict):
    """What a tenant signed: where it is filed, who approved its reading, when it ends (excluded)."""

    reference: Text
    approver: Text
    expires: Day | None = None


class ContractSpec(Strict):
    """A row of the matrix for what a provider offers.

    Of a tenant's own agreement: `base` names the row that it changes; `accepted_at`, `order_form_at` and `renewed_at` are days on
    which texts were agreed to, so that a document whose updates do not float stays as it was on the last of them; `updates` says
    so of all documents, whatever they say themselves.
    """

    tier: str = ""
    region: str = ""
    hosts: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.*?:\[\]_-]+$")]] = []
    plans: dict[Plan, Name] = {}
    documents: list[Name] = []
    review_by: Day | None = None
    base: Name | None = None
    agreement: Agreement | None = None
    accepted_at: Days = []
    order_form_at: Days = []
    renewed_at: Days = []
    updates: Updates | None = None
    note: str = ""
    matrix: list[Line] = []

    @model_validator(mode="after")
    def _only_of_tenants(self) -> Self:
        own = [
            name
            for name in ("agreement", "accepted_at", "order_form_at", "renewed_at", "updates")
            if getattr(self, name) not in (None, [])
        ]
        if own and self.base is None:
            raise ValueError(f"{own[0]} is for a tenant's own agreement: name the row that it changes in base")
        if self.base is not None and self.hosts:
            raise ValueError("an agreement has no hosts: name it in the contract of the upstreams that it is for")
        if self.base is not None and self.matrix and self.agreement is None:
            raise ValueError("an agreement that changes a row should say so: agreement: {reference, approver, expires}")
        return self


class Contract(Strict):
    """`kind: Contract`."""

    api_version: Literal["tos-proxy/v1"] = Field(alias="apiVersion")
    kind: Literal["Contract"]
    metadata: Metadata
    spec: ContractSpec


class LicenceSpec(Strict):
    """A row of the matrix for weights."""

    documents: list[Name] = []
    review_by: Day | None = None
    note: str = ""
    matrix: list[Line] = []


class Licence(Strict):
    """`kind: Licence`."""

    api_version: Literal["tos-proxy/v1"] = Field(alias="apiVersion")
    kind: Literal["Licence"]
    metadata: Metadata
    spec: LicenceSpec


class ModelLine(Strict):
    """Models whose names match one of `glob` (`*` and `?`, case ignored) are under `row`."""

    glob: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], BeforeValidator(_listed), Field(min_length=1)]
    row: Name
    note: str = ""


class ModelsSpec(Strict):
    """The first line that matches counts."""

    models: list[ModelLine]


class Models(Strict):
    """`kind: Models`."""

    api_version: Literal["tos-proxy/v1"] = Field(alias="apiVersion")
    kind: Literal["Models"]
    metadata: Metadata
    spec: ModelsSpec


class CatalogueSpec(Strict):
    """The version of it all: `2026-11-22`, or any name fit for a file."""

    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")]
    released: Day | None = None
    sources: list[str] = []
    note: str = ""


class Catalogue(Strict):
    """`kind: Catalogue`."""

    api_version: Literal["tos-proxy/v1"] = Field(alias="apiVersion")
    kind: Literal["Catalogue"]
    metadata: Metadata
    spec: CatalogueSpec


KINDS: dict[str, type[Document | Contract | Licence | Models | Catalogue]] = {
    "Document": Document,
    "Contract": Contract,
    "Licence": Licence,
    "Models": Models,
    "Catalogue": Catalogue,
}
