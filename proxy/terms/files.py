"""Reads the files of terms under a folder, each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.documents.checking import checked
from proxy.documents.problems import Problem
from proxy.documents.reading import Document as File
from proxy.documents.reading import read_document
from proxy.terms import schema

RELEASES = "releases"
"""The folder of released versions, which holds no YAML."""


@dataclass(frozen=True)
class Found:
    """A checked file: its places, and what it says. `own`: it is a tenant's and does not belong to the catalogue."""

    file: File
    content: schema.Document | schema.Contract | schema.Licence | schema.Models | schema.Catalogue
    own: bool = False

    @property
    def name(self) -> str:
        """What other files call it."""
        return self.content.metadata.name


def read_files(folder: Path, *, own: bool = False) -> tuple[list[Found], list[Problem]]:
    """Each file under `folder` by itself, in the order of their names. Of a tenant's folders (`own`), the kinds of terms alone."""
    found: list[Found] = []
    problems: list[Problem] = []
    for path in _files(folder):
        try:
            file = read_document(path.read_bytes(), _short(path))
        except OSError as error:
            problems.append(Problem(_short(path), "", f"cannot be read: {error.strerror}"))
            continue
        if own and kind_of(file.tree) not in schema.KINDS:
            continue
        content, wrong = _checked(file, path)
        problems += wrong
        if content is not None:
            found.append(Found(file, content, own))
    return found, problems


def kind_of(tree: Any) -> str:
    """What a file says it is; empty when it does not say."""
    kind = tree.get("kind") if isinstance(tree, dict) else None
    return kind if isinstance(kind, str) else ""


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    paths = [path for suffix in ("*.yaml", "*.yml") for path in folder.rglob(suffix)]
    return sorted(path for path in paths if _meant(path.relative_to(folder)))


def _meant(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.parts[0] != RELEASES and not path.stem.endswith("_test")


def _short(path: Path) -> str:
    """Relative to the current folder where that is shorter, as compilers print names."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _checked(file: File, path: Path) -> tuple[Any, list[Problem]]:
    kind = kind_of(file.tree)
    if file.problems:
        return None, list(file.problems)
    if kind not in schema.KINDS:
        return None, [Problem(file.place(("kind",)), "kind", "should be one of " + ", ".join(schema.KINDS))]
    content, problems = checked(file, schema.KINDS[kind])
    if isinstance(content, schema.Document) and "@" in path.stem:
        day = path.stem.rpartition("@")[2]
        if day != content.spec.effective.from_.isoformat():
            place = file.place(("spec", "effective", "from"))
            problems.append(Problem(place, "spec.effective.from", f"is not the day in the file's name, {day}"))
    return content, problems
