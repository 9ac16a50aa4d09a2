"""What the terms say of a call: the strictest of the host's row and the model's own (docs/adr/0013-terms-as-tables.md).

Pure tables and the call's own instant; a verdict is remembered until the next instant at which one of its cells changes.
"""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping

from proxy.core.call import Call
from proxy.core.decision import VERDICTS, Verdict, united
from proxy.core.principal import UNDECLARED
from proxy.core.terms import Adoption, Cell, Models, Row
from proxy.terms.globs import Globs

ASSUMED = "use.internal"
"""What a call without a declared purpose is judged as."""
MODEL = "model"
_EVER = 1 << 62
_MOST_REMEMBERED = 4096
_LONGEST_NAME = 256
_RANK = {verdict: rank for rank, verdict in enumerate(VERDICTS)}
_REVIEW = _RANK["review"]
_APPROVAL = re.compile(r"(.*?\S)(?: +for +(\S+))? +until +(\d{4}-\d{2}-\d{2})")
_READING = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods of requests that ask no model anything: lists, states, what was answered before."""
_Key = tuple[str, str, str, str, str, str | None, bool, str, tuple[str | None, ...]]


class Part:
    """What one row says of a call. `row`: its name and the version of its text; empty where there is no row, which `why` explains.
    `since` (included) and `until` (excluded): the instants for which this holds, microseconds since 1970 UTC.
    """

    __slots__ = ("basis", "clauses", "confirmed", "conflict", "obligations", "row", "since", "until", "verdict", "why")

    def __init__(self, row: str, verdict: str, since: int, until: int, why: str = "") -> None:
        self.row = row
        self.verdict = verdict
        self.since = since
        self.until = until
        self.why = why
        self.basis = "silence"
        self.clauses: tuple[str, ...] = ()
        self.obligations: tuple[str, ...] = ()
        self.confirmed = False
        self.conflict = False

    @property
    def grants(self) -> bool:
        """A clause says that it is allowed."""
        return self.basis in ("express_grant", "exception") and self.verdict in ("allow", "allow_with_obligations")


class _Known:
    __slots__ = ("since", "until", "verdict")

    def __init__(self, verdict: Verdict, since: int, until: int) -> None:
        self.verdict = verdict
        self.since = since
        self.until = until


class TermsJudge:
    """`rows` by name; `upstreams`: the contract of an upstream, by name, where neither its configuration nor its host tells one;
    `adoptions` by row. `next_flip` of a verdict is inside: nothing here has to be told that midnight has passed.
    """

    def __init__(
        self,
        rows: Mapping[str, Row],
        models: Models,
        upstreams: Mapping[str, str] | None = None,
        adoptions: Mapping[str, Adoption] | None = None,
    ) -> None:
        self.version = models.version
        self._rows = dict(rows)
        self._models = Globs([(each.glob, each.row) for each in models.globs])
        self._hosts = Globs([(host, row.id) for row in rows.values() if row.kind == "contract" for host in row.hosts])
        self._upstreams = dict(upstreams or {})
        self._adopted = {name for name, each in (adoptions or {}).items() if name in rows and rows[name].digest == each.digest}
        self._names = tuple(_attribute_names(rows.values()))
        self._known: dict[_Key, _Known] = {}

    def judge(self, call: Call) -> Verdict:
        """The verdict for one call, by its own instant."""
        attributes = call.principal.attributes
        seen = tuple([attributes.get(name) for name in self._names]) if attributes else ()
        model = call.facts.model
        reading = model is None and call.method in _READING
        plan = call.credential.plan
        key = (call.upstream, call.host, call.contract, plan, call.licence, model, reading, call.purpose, seen)
        known = self._known.get(key)
        if known is not None and known.since <= call.at < known.until:
            return known.verdict
        parts = self.parts(call)
        verdict = combined(parts, ASSUMED if call.purpose == UNDECLARED else "")
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()  # names come from clients: without a bound they would fill the memory
        if model is None or len(model) <= _LONGEST_NAME:
            self._known[key] = _Known(verdict, max(part.since for part in parts), min(part.until for part in parts))
        return verdict

    def parts(self, call: Call) -> list[Part]:
        """What each row that has a say says of the call, the host's first."""
        purpose = ASSUMED if call.purpose == UNDECLARED else call.purpose
        named = self._contract(call)
        host = named
        if named is not None and call.credential.plan:
            host = self._rows.get(named.plans.get(call.credential.plan, ""), named)
        if host is None:
            first = Part("", "review", -_EVER, _EVER, f"no contract is known for {call.host or call.upstream}")
        else:
            first = self._part(host, purpose, call)
        parts = [first]
        for name in self._model_rows(call, named, host):
            row = self._rows.get(name)
            if row is None:
                parts.append(Part("", "review", -_EVER, _EVER, f"no row is named {name}"))
                continue
            part = self._part(row, purpose, call)
            if part.verdict == MODEL:
                part.verdict, part.why = "review", "the model's own row leaves it to the model"
            parts.append(part)
        if first.verdict == MODEL and len(parts) == 1:
            parts.append(_of_no_model(call))
        return parts

    def _contract(self, call: Call) -> Row | None:
        name = call.contract
        if not name:
            name = self._hosts.first(_bare(call.host)) or self._upstreams.get(call.upstream, "")
        return self._rows.get(name)

    def _model_rows(self, call: Call, *hosts: Row | None) -> list[str]:
        """The rows that a model is under by itself. A provider's own row is not asked beside what holds in its place: a tenant's
        agreement, or the terms of a plan.
        """
        model = call.facts.model
        found = [call.licence, self._models.first(model) if model else ""]
        said = [name for host in hosts if host is not None for name in (host.id, host.base)]
        return [name for name in dict.fromkeys(found) if name and name not in said]

    def _part(self, row: Row, purpose: str, call: Call) -> Part:
        since, until, version = _version(row, call.at)
        name = f"{row.id}@{version}" if version else row.id
        cells = row.cells.get(purpose, ())
        for cell in cells:
            start = -_EVER if cell.starts is None else cell.starts
            end = _EVER if cell.until is None else cell.until
            if call.at < start:
                until = min(until, start)
                break
            if call.at < end:
                part = Part(name, cell.verdict, max(since, start), min(until, end))
                _say(part, cell, call)
                part.confirmed = cell.confirmed or row.id in self._adopted
                return part
            since = max(since, end)
        return Part(name, "review", since, until, f"says nothing of {purpose}" + (" at that time" if cells else ""))


def _of_no_model(call: Call) -> Part:
    """What there is to say where the host leaves it to the model, and no row is the model's."""
    if call.facts.model is None and call.method in _READING:
        return Part("", "allow", -_EVER, _EVER, "no model is asked")
    what = f"no row is known for the model {call.facts.model}" if call.facts.model else "no model is named"
    return Part("", "review", -_EVER, _EVER, what)


def combined(parts: list[Part], assumed: str = "") -> Verdict:
    """The strictest of all parts, with what all of them name. A part that leaves it to the model names its clauses alone."""
    speaking = [part for part in parts if part.verdict != MODEL]
    strictest = speaking[0]
    for part in speaking:
        if _RANK[part.verdict] > _RANK[strictest.verdict]:
            strictest = part
    clauses: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    for part in parts:
        clauses = united(clauses, part.clauses)
        obligations = united(obligations, part.obligations)
    barred = strictest.verdict == "forbid" and strictest.basis == "prohibition"
    return Verdict(
        strictest.verdict,
        clauses,
        strictest.basis,
        obligations,
        tuple([part.row for part in parts if part.row]),
        any(part.confirmed for part in speaking if part.verdict == strictest.verdict),
        any(part.conflict for part in parts) or (barred and any(part.grants for part in parts)),
        assumed,
    )


def _say(part: Part, cell: Cell, call: Call) -> None:
    """A cell's words, as they are for the principal's attributes."""
    part.basis = cell.basis
    part.clauses = cell.clauses
    part.conflict = cell.conflict
    part.obligations = cell.obligations
    attributes = call.principal.attributes
    for name, wanted in cell.requires.items():
        value = attributes.get(name)
        if value is None and not part.why:
            part.why = f"{name} is not said (allowed as {cell.verdict} for {wanted})"
            if cell.verdict == MODEL or _RANK[cell.verdict] < _REVIEW:
                part.verdict = "review"
    for name, wanted in cell.requires.items():
        value = attributes.get(name)
        if value is not None and value != wanted:
            part.verdict, part.why, part.obligations = cell.otherwise, f"{name} is {value}, not {wanted}", ()
            break
    part.why = part.why or cell.note
    if cell.unless and part.verdict in ("forbid", "review"):
        _approve(part, attributes.get(cell.unless), call.at)


def _approve(part: Part, written: str | None, at: int) -> None:
    """An approval that has not expired, and reaches this row, lifts what the cell bars."""
    number, end, reach = approval(written)
    row = part.row.partition("@")[0]
    if reach and not any(row == each or row.startswith(f"{each}.") for each in reach.split(",")):
        return
    if at >= end:
        part.since = max(part.since, end)
        return
    part.until = min(part.until, end)
    part.verdict, part.why = "allow_with_obligations", f"approved by {number}"
    part.obligations = united(part.obligations, (f"keep to the approval {number}",))


def approval(written: str | None) -> tuple[str, int, str]:
    """The number of an approval, the instant at which it ends (excluded), and the rows or providers that it reaches, parted by
    commas, empty for all: `CASE-118 for openai until 2027-01-01`. One that does not say when it ends has always ended.
    """
    found = _APPROVAL.fullmatch(written.strip()) if written else None
    if found is None:
        return "", -_EVER, ""
    try:
        day = dt.date.fromisoformat(found[3])
    except ValueError:
        return "", -_EVER, ""
    return found[1], (day.toordinal() - 719163) * 86_400_000_000, found[2] or ""  # 1970-01-01 is day 719163


def _version(row: Row, at: int) -> tuple[int, int, str]:
    """Since when, until when and as what the row's texts are as they are."""
    changes = [each[0] for each in row.versions]
    place = bisect_right(changes, at)
    until = changes[place] if place < len(changes) else _EVER
    if place == 0:
        return -_EVER, until, ""
    return changes[place - 1], until, row.versions[place - 1][1]


def _bare(host: str) -> str:
    """A host without its port."""
    if host.startswith("[") or host.count(":") > 1:
        return host.partition("]")[0].lstrip("[")
    return host.partition(":")[0]


def _attribute_names(rows: Iterable[Row]) -> list[str]:
    """The attributes by which cells differ."""
    names: dict[str, None] = {}
    for row in rows:
        for cells in row.cells.values():
            for cell in cells:
                names.update(dict.fromkeys(cell.requires))
                if cell.unless:
                    names[cell.unless] = None
    return list(names)
