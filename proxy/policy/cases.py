"""Tests of rules as people write them (`kind: PolicyTest`, in `*_test.yaml` beside the rules), and the calls that they describe.

A case gives a call by the names that expressions use and says what is to come of it. Dates are given, never today's, so that no
case turns red as months pass. What a case leaves out comes from the file's own `given`, then from the defaults below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import zip_longest
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator

from proxy.core.call import Call
from proxy.core.decision import Verdict
from proxy.core.facts import RequestFacts
from proxy.core.principal import PURPOSES, UNDECLARED, Credential, Principal
from proxy.core.references import FOREIGN, UNKNOWN, Refer
from proxy.documents.checking import checked
from proxy.documents.problems import Problem
from proxy.documents.reading import Document, read_document


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_FACTS = {field.name: field for field in msgspec.structs.fields(RequestFacts) if field.name not in {"references", "end_user"}}
GivenFacts: type[_Strict] = create_model(
    "GivenFacts",
    __base__=_Strict,
    **{name: (field.type, None if field.default is msgspec.NODEFAULT else field.default) for name, field in _FACTS.items()},  # type: ignore[call-overload]
)
"""What is known of the request, by the names and with the types of `core.facts`."""


class GivenPrincipal(_Strict):
    """`principal.*` of expressions."""

    name: str = "someone"
    purposes: tuple[str, ...] = ()
    project: str | None = None
    standing: str = "normal"
    automatic: bool = False


class GivenCredential(_Strict):
    """`credential.*` of expressions."""

    kind: str = "bearer"
    plan: str = "api_key"


class GivenTerms(_Strict):
    """`terms.*` of expressions."""

    verdict: Literal["allow", "allow_with_obligations", "review", "forbid"] = "allow"
    basis: str = ""
    clauses: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    confirmed: bool = True
    conflict: bool = False


class GivenRefers(_Strict):
    """`refers.*` of expressions: of the calls that made what this one refers to."""

    purposes: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()


class Given(GivenFacts):  # type: ignore[misc, valid-type]
    """A call, by the names of expressions (docs/reference/policy.md), and three that are not: `on`, a date or a time by ISO 8601
    (UTC where it names no zone); `contract` and `licence`, which the upstream's configuration would name. `references`: kinds.
    `terms`: what the terms say; left out, it is computed from the catalogue.
    """

    on: str | None = None
    upstream: str = "openai"
    host: str | None = None
    dialect: str | None = None
    endpoint: str = "chat"
    method: str = "POST"
    purpose: Literal[PURPOSES] = UNDECLARED  # type: ignore[valid-type]
    attributes: dict[str, str] = {}
    principal: GivenPrincipal = GivenPrincipal()
    credential: GivenCredential = GivenCredential()
    references: tuple[str, ...] = ()
    unresolved: bool = False
    foreign: bool = False
    refers: GivenRefers = GivenRefers()
    body_bytes: int = 0
    contract: str | None = None
    licence: str | None = None
    terms: GivenTerms | None = None

    @field_validator("on")
    @classmethod
    def _is_a_time(cls, on: str | None) -> str | None:
        if on is not None:
            instant(on)
        return on


class Expect(_Strict):
    """What is to come of a call. `effect` is the decision's; `rules` are exactly those that matched and count, `shadow` exactly
    those that would have, each as `rule:effect`; `drop` and `set` are exactly what the transforms change. `clauses` and
    `obligations` are among the decision's or the verdict's; `message` is part of the message, `verdict` what the terms say.
    """

    effect: Literal["allow", "flag", "throttle", "deny"]
    rules: tuple[str, ...] | None = None
    shadow: tuple[str, ...] | None = None
    clauses: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    drop: tuple[str, ...] | None = None
    set: dict[str, Any] | None = None
    message: str | None = None
    verdict: str | None = None


class _Case(_Strict):
    case: str = Field(min_length=1)
    given: dict[str, Any] = {}
    expect: Expect


class _Spec(_Strict):
    rules: tuple[str, ...] = ()
    given: dict[str, Any] = {}
    cases: tuple[_Case, ...] = Field(min_length=1)


class _Metadata(_Strict):
    name: str
    title: str = ""


class _TestFile(_Strict):
    apiVersion: Literal["tos-proxy/v1"]  # noqa: N815 - the file's own word
    kind: Literal["PolicyTest"]
    metadata: _Metadata
    spec: _Spec


@dataclass(frozen=True)
class Case:
    """One case, with `file:line:column` of it."""

    name: str
    place: str
    given: Given
    expect: Expect


@dataclass(frozen=True)
class TestFile:
    """A file of cases. `rules`: names of the rules that it is about; empty where its place says that."""

    __test__ = False  # pytest collects by names

    name: str
    file: str
    rules: tuple[str, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Site:
    """What is known of an upstream: the host that it stands for, its dialect, the contract and licence that it names."""

    host: str
    dialect: str
    contract: str = ""
    licence: str = ""


Judge = Callable[[Call], Verdict]


def read_tests(text: bytes, name: str) -> tuple[TestFile | None, list[Problem]]:
    """The cases of one file, or what is wrong with it, each problem with its place."""
    document = read_document(text, name)
    file, problems = checked(document, _TestFile)
    if file is None:
        return None, problems
    cases = []
    for number, each in enumerate(file.spec.cases):
        path = ("spec", "cases", number)
        given, wrong = _given(document, file.spec.given, each.given, number)
        problems += wrong
        if given is not None and given.on is None:
            problems.append(Problem(document.place(path), "", f"case {each.case!r} has no date", "set `on` in `given`"))
        elif given is not None:
            cases.append(Case(each.case, document.place((*path, "case")), given, each.expect))
    if problems:
        return None, list(dict.fromkeys(problems))  # what all cases share is wrong once
    return TestFile(file.metadata.name, name, file.spec.rules, tuple(cases)), []


def _given(document: Document, common: dict[str, Any], own: dict[str, Any], number: int) -> tuple[Given | None, list[Problem]]:
    """A case's own `given` over the file's; places are where each key stands."""
    merged = Document(document.name, _over(common, own))
    for path in document.values:
        for above in (("spec", "given"), ("spec", "cases", number, "given")):
            if path[: len(above)] == above:
                merged.values[path[len(above) :]] = document.values[path]
                if path in document.keys:
                    merged.keys[path[len(above) :]] = document.keys[path]
    return checked(merged, Given)


def _over(common: Any, own: Any) -> Any:
    """Tables are joined key by key, anything else is replaced."""
    if not isinstance(common, dict) or not isinstance(own, dict):
        return own
    return common | {key: _over(common.get(key), value) for key, value in own.items()}


def instant(on: str) -> int:
    """Microseconds since 1970 UTC of a date or time by ISO 8601. Raises: ValueError."""
    try:
        moment = datetime.fromisoformat(on)
    except ValueError:
        raise ValueError(f"should be a date or a time like 2026-05-01T12:00:00Z, not {on!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - datetime.combine(date(1970, 1, 1), datetime.min.time(), UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def call_of(given: Given, sites: Mapping[str, Site], judge: Judge) -> Call:
    """The call that a case describes, its verdict given or judged. An upstream that nobody configured is its own host, and one that
    is given another host is not under the contract of its own.
    """
    site = sites.get(given.upstream, Site(given.upstream, "openai"))
    if given.host is not None:
        site = Site(given.host, site.dialect)
    who = given.principal
    purposes = who.purposes or tuple(dict.fromkeys((given.purpose, UNDECLARED)))
    call = Call(
        instant(given.on or "1970-01-01"),
        given.upstream,
        site.host,
        site.dialect if given.dialect is None else given.dialect,
        given.endpoint,
        given.method,
        _facts(given),
        Principal(who.name, purposes, given.purpose, given.attributes, who.project, standing=who.standing, automatic=who.automatic),
        Credential(given.credential.kind, "", given.credential.plan),
        given.purpose,
        contract=site.contract if given.contract is None else given.contract,
        licence=site.licence if given.licence is None else given.licence,
        refers=_refers(given),
        size=given.body_bytes,
    )
    call.verdict = judge(call) if given.terms is None else Verdict(**vars(given.terms))
    return call


def _facts(given: Given) -> RequestFacts:
    said = {name: value for name in given.model_fields_set if name in _FACTS and (value := getattr(given, name)) is not None}
    facts = RequestFacts(**said)
    facts.references = [f"{kind}:given" for kind in given.references]
    flags = [flag for flag, holds in ((UNKNOWN, given.unresolved), (FOREIGN, given.foreign)) if holds]
    facts.flags = [*facts.flags, *flags]
    return facts


def _refers(given: Given) -> tuple[Refer, ...]:
    pairs = zip_longest(given.refers.purposes, given.refers.verdicts, fillvalue="")
    return tuple(Refer(f"object:{at}", "given", purpose=purpose, verdict=verdict) for at, (purpose, verdict) in enumerate(pairs))
