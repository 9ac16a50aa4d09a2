r"""Whether texts that were read still say what they said, told clause by clause and never by commits, most of which are noise.

A clause's fingerprint is of the whole source line that holds it: NFKC; links as their words; without `* _ \ backtick # >`; white
space collapsed; lower-case; SHA-256, the first 16 hex digits. The same recipe is run over every line of the texts of today.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proxy.terms.catalog import Catalogue

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKS = str.maketrans("", "", "*_\\`#>")
_WORD = re.compile(r"[a-z0-9][a-z0-9'-]{3,}")
_ALIKE = 0.5
_LONGEST = 20_000
"""Characters of a line beyond which it is no clause but a page without line breaks; it is fingerprinted, not compared by words."""


@dataclass(frozen=True)
class Read:
    """A clause as it was read. `commit`: of the repository in which; `was`: its line of then, `file`: the text in which to look
    now, both where somebody knows them.
    """

    clause: str
    document: str
    fingerprint: str
    summary: str
    source: str = ""
    commit: str = ""
    was: str = ""
    file: str = ""


@dataclass(frozen=True)
class Drift:
    """What became of a clause: `unchanged`, `changed` (a line much like it stands there now), `vanished` (nothing like it does),
    `unread` (no text of its document was given). `where`: `file:line` of its line, or of the one most like it.
    """

    clause: str
    document: str
    state: str
    where: str = ""


def fingerprint(line: str) -> str:
    """16 hex digits for a line of a text."""
    return hashlib.sha256(plain(line).encode("utf-8", "replace")).hexdigest()[:16]


def plain(line: str) -> str:
    """A line without what does not change its words."""
    text = _LINK.sub(r"\1", unicodedata.normalize("NFKC", line))
    return " ".join(text.translate(_MARKS).split()).lower()


def clauses_read(catalogue: Catalogue) -> list[Read]:
    """Every clause with a fingerprint, in the newest text of its document."""
    found = []
    for document, texts in catalogue.texts.items():
        if texts[-1].spec.effective.to is not None:
            continue
        for clause in texts[-1].spec.clauses:
            seen = clause.seen or texts[-1].spec.seen
            if clause.fingerprint is not None:
                found.append(Read(clause.id, document, clause.fingerprint, clause.summary, seen.source, seen.commit))
    return found


def compared(wanted: Sequence[Read], texts: Mapping[str, Sequence[str]]) -> Iterator[Drift]:
    """What became of each clause in `texts` (lines by file name).

    A clause whose line is gone is looked for in the files of its document: the one that is known, those in which other clauses of
    it are, or one named like it.
    """
    places: dict[str, str] = {}
    for file, lines in texts.items():
        for number, line in enumerate(lines, 1):
            places.setdefault(fingerprint(line), f"{file}:{number}")
    files = _files(wanted, texts, places)
    for each in wanted:
        if each.fingerprint in places:
            yield Drift(each.clause, each.document, "unchanged", places[each.fingerprint])
            continue
        if not files[each.document] and not each.file:
            yield Drift(each.clause, each.document, "unread")
            continue
        near = [each.file] if each.file else files[each.document]
        where = _most_alike(each, {file: texts.get(file, ()) for file in near})
        yield Drift(each.clause, each.document, "changed" if where else "vanished", where)


def _files(wanted: Iterable[Read], texts: Iterable[str], places: Mapping[str, str]) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for each in wanted:
        known = files.setdefault(each.document, [file for file in texts if each.document in file])
        place = places.get(each.fingerprint, "").rpartition(":")[0]
        if place and place not in known:
            known.append(place)
    return files


def _most_alike(each: Read, texts: Mapping[str, Sequence[str]]) -> str:
    """The line that shares most words with the clause's line of then, or, where nobody has that, most words of its summary."""
    wanted = _words(each.was or each.summary)
    best, where = 0.0, ""
    for file, lines in texts.items():
        for number, line in enumerate(lines, 1):
            if len(line) > _LONGEST:
                continue
            words = _words(line)
            whole = len(wanted | words) if each.was else len(wanted)
            score = len(wanted & words) / whole if whole else 0.0
            if score > best:
                best, where = score, f"{file}:{number}"
    return where if best >= _ALIKE else ""


def _words(line: str) -> set[str]:
    return set(_WORD.findall(plain(line)))
