"""What files of terms say of each other: names, days, clauses. Every contradiction is a problem with its place and a hint."""

from __future__ import annotations

import datetime as dt
import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from proxy.core.terms import CATALOGUE
from proxy.documents.problems import Path, Problem, dotted
from proxy.terms import schema
from proxy.terms.files import Found
from proxy.terms.texts import Span, meet, spans_of, texts_of

Row = schema.Contract | schema.Licence


def cross_checked(found: Sequence[Found]) -> list[Problem]:
    """Every problem, in the order of the files."""
    checks = _Checks(found)
    return [*checks.single(), *checks.names(), *checks.documents(), *checks.rows(), *checks.models()]


class _Checks:
    def __init__(self, found: Sequence[Found]) -> None:
        self._found = found
        self._rows: dict[str, Row] = {}
        for each in found:
            if isinstance(each.content, schema.Contract | schema.Licence):
                self._rows.setdefault(each.name, each.content)
        self._texts = texts_of(each.content for each in found if isinstance(each.content, schema.Document))
        self._owners = {clause.id: name for name, texts in self._texts.items() for text in texts for clause in text.spec.clauses}

    def single(self) -> Iterator[Problem]:
        """One version, and one file of models of each owner."""
        for kind in (schema.Catalogue, schema.Models):
            for own in (False, True):
                files = [each for each in self._found if isinstance(each.content, kind) and each.own is own]
                for second in files[1:]:
                    yield _problem(second, ("kind",), f"a second {kind.__name__}, the first is {files[0].file.name}")
        for each in self._found:
            if each.own and isinstance(each.content, schema.Catalogue):
                yield _problem(each, ("kind",), "the catalogue's version is not a tenant's to say", "pin one: terms: {version: …}")

    def names(self) -> Iterator[Problem]:
        """A row's name is taken once, a document's once for each day."""
        seen: dict[tuple[str, str], Found] = {}
        for each in self._found:
            if isinstance(each.content, schema.Document):
                key = (each.name, each.content.spec.effective.from_.isoformat())
                what = f"{key[0]} of {key[1]}"
            elif isinstance(each.content, schema.Contract | schema.Licence):
                key, what = ("", each.name), each.name
            else:
                continue
            first = seen.setdefault(key, each)
            if first is not each:
                yield _problem(each, ("metadata", "name"), f"{what} is already in {first.file.name}")
            if key == ("", CATALOGUE):
                yield _problem(each, ("metadata", "name"), f"{CATALOGUE} is what the whole is called, no row can be")

    def documents(self) -> Iterator[Problem]:
        """Clauses belong to one document, and only the last text of a document ends by itself."""
        owners: dict[str, Found] = {}
        for each in self._found:
            if not isinstance(each.content, schema.Document):
                continue
            ids: set[str] = set()
            for at, clause in enumerate(each.content.spec.clauses):
                path: Path = ("spec", "clauses", at, "id")
                if clause.id in ids:
                    yield _problem(each, path, f"{clause.id} is already in this file")
                ids.add(clause.id)
                first = owners.setdefault(clause.id, each)
                if first.name != each.name:
                    yield _problem(each, path, f"{clause.id} is a clause of {first.name}, {first.file.name}")
            last = self._texts[each.name][-1]
            if each.content.spec.effective.to is not None and last.spec.effective.from_ > each.content.spec.effective.from_:
                hint = "a text ends with the day of the next one"
                yield _problem(each, ("spec", "effective", "to"), "only the last text of a document ends by itself", hint)

    def rows(self) -> Iterator[Problem]:
        """What contracts and licences say."""
        hosts: dict[str, Found] = {}
        for each in self._found:
            content = each.content
            if isinstance(content, schema.Contract):
                yield from self._contract(each, content, hosts)
            if isinstance(content, schema.Contract | schema.Licence):
                yield from self._documents(each, content)
                yield from _overlaps(each, content)
                yield from self._lines(each, content)

    def models(self) -> Iterator[Problem]:
        """Globs lead to rows."""
        for each in self._found:
            if isinstance(each.content, schema.Models):
                for at, line in enumerate(each.content.spec.models):
                    if line.row not in self._rows:
                        yield _problem(
                            each, ("spec", "models", at, "row"), f"no row is named {line.row}", _near(line.row, self._rows)
                        )

    def _contract(self, each: Found, content: schema.Contract, hosts: dict[str, Found]) -> Iterator[Problem]:
        spec = content.spec
        contracts = [name for name, row in self._rows.items() if isinstance(row, schema.Contract) and row.spec.base is None]
        if spec.base is not None and spec.base not in contracts:
            hint = _near(spec.base, contracts) or "an agreement stands on a contract that has no base itself"
            yield _problem(each, ("spec", "base"), f"no contract is named {spec.base}", hint)
        for plan, row in spec.plans.items():
            if row not in self._rows:
                yield _problem(each, ("spec", "plans", plan), f"no row is named {row}", _near(row, self._rows))
        for at, host in enumerate(spec.hosts):
            first = hosts.setdefault(host.lower(), each)
            if first is not each:
                yield _problem(each, ("spec", "hosts", at), f"{host} is already a host of {first.name}, {first.file.name}")

    def _documents(self, each: Found, content: Row) -> Iterator[Problem]:
        for at, name in enumerate(content.spec.documents):
            if name not in self._texts:
                yield _problem(each, ("spec", "documents", at), f"no document is named {name}", _near(name, self._texts))

    def _lines(self, each: Found, content: Row) -> Iterator[Problem]:
        documents = set(content.spec.documents)
        if isinstance(content, schema.Contract) and content.spec.base in self._rows:
            documents |= set(self._rows[content.spec.base].spec.documents)
        for at, line in enumerate(content.spec.matrix):
            path: Path = ("spec", "matrix", at)
            if line.verdict == "model" and isinstance(content, schema.Licence):
                yield _problem(each, (*path, "verdict"), "a licence is the model's own row, it cannot leave it to the model")
            for position, clause in enumerate(line.clauses):
                problem = self._clause(clause, line, documents)
                if problem is not None:
                    yield _problem(each, (*path, "clauses", position), *problem)

    def _clause(self, clause: str, line: schema.Line, documents: set[str]) -> tuple[str, str] | None:
        owner = self._owners.get(clause)
        if owner is None:
            return f"no clause has the id {clause}", _near(clause, self._owners)
        if owner not in documents:
            return f"{clause} is a clause of {owner}, which is not among this row's documents", f"documents: [{owner}]"
        for span in spans_of(self._texts[owner], clause, missing=True):
            lost = meet(span, (line.from_, line.until))
            if lost is not None:
                hint = f"until: {span[0]}" if span[1] is None else f"from: {span[1]}"
                return f"{clause} is not in {owner} as of {lost[0]}", hint
        return None


def _overlaps(each: Found, content: Row) -> Iterator[Problem]:
    lines: dict[str, list[tuple[Span, int]]] = defaultdict(list)
    for at, line in enumerate(content.spec.matrix):
        for purpose in dict.fromkeys(line.purpose):
            lines[purpose].append(((line.from_, line.until), at))
    for purpose, spans in lines.items():
        spans.sort(key=lambda one: (one[0][0] or dt.date.min, one[1]))
        for (first, before), (second, at) in pairwise(spans):
            if meet(first, second) is not None:
                path = ("spec", "matrix", max(at, before))
                other = each.file.place(("spec", "matrix", min(at, before)))
                yield _problem(each, path, f"{purpose} has a line already for these days, {other}")


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def _problem(each: Found, path: Path, message: str, hint: str = "") -> Problem:
    return Problem(each.file.place(path), dotted(path), message, hint)
