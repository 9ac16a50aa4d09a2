"""Reads policies from files and folders, and says of each problem where it stands and what may have been meant.

What others know (clauses of the terms, endpoints of the dialects, upstreams of the configuration) is handed in. A folder is read
with all folders in it; hidden files, tests (`*_test.yaml`) and files of terms are passed over.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from proxy.documents.checking import checked
from proxy.documents.positions import place_within
from proxy.documents.problems import Path as Place
from proxy.documents.problems import Problem, dotted
from proxy.documents.reading import Document, read_document
from proxy.policy import schema
from proxy.policy.globs import holds
from proxy.policy.names import BY_NAME, MATCHED

PACK_FILE = "pack.yaml"
RELEASES = "releases"
"""The folder of a pack that keeps its former releases, `releases/1.0.0/`."""

TERMS_KINDS = ("Catalogue", "Contract", "Document", "Licence", "Models")
"""Files of terms may stand beside policies of one's own; another reads them."""

_ENDINGS = (".yaml", ".yml")
_FILES_CAP = 5000


@dataclass(frozen=True)
class Known:
    """What there is besides policies. `clauses`: their ids, None where nobody knows them. `words`: what a name can be, by name
    (`endpoint`, `dialect`), besides what `proxy.policy.names` settles. `upstreams`: the configured ones. `now`: microseconds since
    1970 UTC; what has ended by then is warned of.
    """

    clauses: Collection[str] | None = None
    words: Mapping[str, Collection[str]] = field(default_factory=dict)
    upstreams: Collection[str] | None = None
    now: int = 0


@dataclass(frozen=True)
class Source:
    """A policy, and where it stands. `name` is the rule's: `pack/rule`, or the file's own name for it. `beside`: it is of the
    shipped release of a pack of which another is pinned, and may only say what it would have done.
    """

    name: str
    policy: schema.Policy
    document: Document
    beside: bool = False

    def problem(self, path: Place, message: str, hint: str = "", *, of_key: bool = False) -> Problem:
        """Something wrong at a path of the file."""
        return Problem(self.document.place(path, of_key=of_key), dotted(path), message, hint)


@dataclass(frozen=True)
class Wanted:
    """A pack's folder, and the release of it that is pinned; empty for the one that is shipped."""

    folder: Path
    version: str = ""


@dataclass(frozen=True)
class PackSource:
    """A pack's own file, and where it stands."""

    pack: schema.Pack
    document: Document


@dataclass
class Found:
    """What was read, in the order of packs and files. With any of `problems` none of it may come into
    force; `warnings` stop nobody.
    """

    sources: list[Source] = field(default_factory=list)
    packs: list[PackSource] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def load(packs: Iterable[Wanted], policies: Iterable[Path], known: Known) -> Found:
    """Read packs (folders that hold a `pack.yaml`) and one's own policies (files and folders). Never raises for their content.

    Of a pack of which another release is pinned than the shipped one, the shipped policies that differ from it are read too, named
    `pack@version/rule`: they stand beside and have no effect, so that the records say what the new release would have done.
    """
    found = Found()
    for wanted in packs:
        _load_pack(wanted, known, found)
    for path in policies:
        for file in files_of(path, found.problems):
            _load_policy(file, "", known, found)
    _once_each(found)
    return found


def files_of(path: Path, problems: list[Problem]) -> list[Path]:
    """The files to read for a path: itself, or what a folder holds, sorted by name. What cannot be read is put to `problems`."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        problems.append(Problem(shown(path), "", "no such file or folder"))
        return []
    files = [file for file in _walk(path) if not file.stem.endswith("_test")]
    if len(files) > _FILES_CAP:
        problems.append(Problem(shown(path), "", f"more than {_FILES_CAP} files"))
        return []
    return sorted(files)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in names if name.endswith(_ENDINGS) and not name.startswith("."))


def shown(path: Path) -> str:
    """A file's name for people: relative to the current folder where it is in there."""
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)


def read(file: Path) -> Document:
    """A file's values and places; that it cannot be read is one of its problems."""
    try:
        return read_document(file.read_bytes(), shown(file))
    except OSError as error:
        return Document(shown(file), problems=[Problem(shown(file), "", f"cannot be read: {error.strerror}")])


def released(folder: Path) -> list[str]:
    """The releases of a pack that are kept beside the shipped one, each a folder of `releases/`."""
    return sorted(each.name for each in (folder / RELEASES).glob("*") if (each / PACK_FILE).is_file())


def contents(pack: Path) -> dict[str, bytes]:
    """What a release of a pack is made of, by name within its folder: its own file and its rules, without their tests."""
    files = [file for file in files_of(pack, []) if file.relative_to(pack).parts[0] != RELEASES]
    return {str(file.relative_to(pack)): file.read_bytes() for file in files}


def _load_pack(wanted: Wanted, known: Known, found: Found) -> None:
    name = wanted.folder.name
    shipped = _pack_file(wanted.folder, name, found)
    if shipped is None:
        return
    if wanted.version in ("", shipped.pack.metadata.version):
        _policies(wanted.folder, f"{name}/", known, found)
        found.packs.append(shipped)
        return
    folder = wanted.folder / RELEASES / wanted.version
    pinned = _pack_file(folder, name, found)
    if pinned is None:
        return
    before = len(found.sources)
    _policies(folder, f"{name}/", known, found)
    said = [source.policy for source in found.sources[before:]]
    newer = Found()
    _policies(wanted.folder, f"{name}@{shipped.pack.metadata.version}/", known, newer)
    found.problems += newer.problems
    found.sources += [replace(source, beside=True) for source in newer.sources if source.policy not in said]
    found.packs.append(pinned)


def _pack_file(folder: Path, name: str, found: Found) -> PackSource | None:
    document = read(folder / PACK_FILE)
    pack, problems = checked(document, schema.Pack)
    found.problems += problems
    if pack is not None and pack.metadata.name != name:
        place = ("metadata", "name")
        found.problems.append(Problem(document.place(place), dotted(place), f"should be the folder's name, {name}"))
    return PackSource(pack, document) if pack is not None else None


def _policies(folder: Path, prefix: str, known: Known, found: Found) -> None:
    for file in files_of(folder, found.problems):
        if file.name != PACK_FILE and file.relative_to(folder).parts[0] != RELEASES:
            _load_policy(file, prefix, known, found)


def _load_policy(file: Path, prefix: str, known: Known, found: Found) -> None:
    document = read(file)
    kind = document.tree.get("kind") if isinstance(document.tree, dict) else None
    if not document.problems and kind in TERMS_KINDS and not prefix:
        return
    if not document.problems and kind == "Pack" and not prefix:
        found.warnings.append(
            Problem(document.place(()), "", "a pack's file means nothing here: these policies are in force as they are")
        )
        return
    policy, problems = checked(document, schema.Policy)
    found.problems += problems
    if policy is None:
        return
    source = Source(prefix + policy.metadata.name, policy, document)
    found.sources.append(source)
    found.problems += [*_match_problems(source, known), *_expression_problems(source, known)]
    # A pinned version of the terms may be older than a clause that a shipped pack names: the pack is no less usable for it.
    (found.warnings if prefix else found.problems).extend(_clause_problems(source, known))
    found.warnings += _warnings(source, known)


def _once_each(found: Found) -> None:
    first: dict[str, Source] = {}
    for source in found.sources:
        before = first.setdefault(source.name, source)
        if before is not source:
            place = ("metadata", "name")
            there = before.document.place(place)
            found.problems.append(source.problem(place, f"{source.name} is the name of another policy", f"it is in {there}"))


def _match_problems(source: Source, known: Known) -> Iterator[Problem]:
    for name, values in source.policy.spec.match.items():
        path: Place = ("spec", "match", name)
        if name not in MATCHED:
            yield source.problem(path, *_unmatched(name), of_key=True)
            continue
        words = known.words.get(name) or BY_NAME[name].words
        for at, value in enumerate(values):
            if words and not any(holds(value, word) for word in words):
                yield source.problem((*path, at), f"unknown {name} {value!r}", meant(value, words))


def _expression_problems(source: Source, known: Known) -> Iterator[Problem]:
    """What is wrong with `when`, told by its place in the file."""
    if not source.policy.spec.when.strip():
        return
    from proxy.policy.expressions import check

    path: Place = ("spec", "when")
    for fault in check(source.policy.spec.when, known.words):
        yield Problem(place_within(source.document, path, fault.at), dotted(path), fault.message, fault.hint)


def _unmatched(name: str) -> tuple[str, str]:
    if name in BY_NAME:
        return f"{name} is a {BY_NAME[name].type}, which cannot be matched", "say it in when"
    return "unknown name", meant(name, MATCHED)


def _clause_problems(source: Source, known: Known) -> Iterator[Problem]:
    if known.clauses is None:
        return
    for at, clause in enumerate(source.policy.spec.clauses):
        if clause not in known.clauses:
            yield source.problem(("spec", "clauses", at), f"no clause is named {clause!r}", meant(clause, known.clauses))


def _warnings(source: Source, known: Known) -> Iterator[Problem]:
    spec = source.policy.spec
    for at, exemption in enumerate(spec.exceptions):
        if exemption.until <= known.now:
            yield source.problem(
                ("spec", "exceptions", at, "until"), "has passed: the exception has ended", "remove it, or renew it"
            )
    if known.upstreams is not None:
        for at, value in enumerate(spec.match.get("upstream", ())):
            if not any(holds(value, name) for name in known.upstreams):
                hint = meant(value, known.upstreams)
                yield source.problem(
                    ("spec", "match", "upstream", at), f"no upstream is named {value!r}: this matches nothing", hint
                )


def meant(written: str, words: Collection[str]) -> str:
    """`did you mean …?`, or the words there are, as long as they are few."""
    close = difflib.get_close_matches(written, words, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(words)}" if len(words) <= 30 else ""
