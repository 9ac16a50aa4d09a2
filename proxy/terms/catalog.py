"""Reads a folder of terms, checks each file and all of them together, and lays tenants' own files over it.

A catalogue that has a problem is not used at all: every problem is told, each with file, line and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from proxy.documents.problems import ConfigurationError, Problem
from proxy.documents.reading import Document as File
from proxy.terms import schema
from proxy.terms.crosschecks import cross_checked
from proxy.terms.files import Found, read_files
from proxy.terms.texts import texts_of

T = TypeVar("T")


@dataclass(frozen=True)
class Catalogue:
    """What was read and fits together. `texts`: of each document, oldest first. `own`: names of rows that are a tenant's."""

    version: str = ""
    texts: dict[str, list[schema.Document]] = field(default_factory=dict)
    contracts: dict[str, schema.Contract] = field(default_factory=dict)
    licences: dict[str, schema.Licence] = field(default_factory=dict)
    models: list[schema.ModelLine] = field(default_factory=list)
    own: frozenset[str] = frozenset()

    @property
    def rows(self) -> dict[str, schema.Contract | schema.Licence]:
        """Contracts and licences by name."""
        return {**self.contracts, **self.licences}

    def documents_of(self, row: str) -> list[str]:
        """The documents of a row, those of the row under it among them."""
        content = self.rows[row]
        names = list(content.spec.documents)
        if isinstance(content, schema.Contract) and content.spec.base in self.contracts:
            names += self.contracts[content.spec.base].spec.documents
        return list(dict.fromkeys(names))


def read(folder: Path) -> Catalogue:
    """The catalogue in a folder. Raises: ConfigurationError with every problem, OSError is told as one."""
    found, problems = read_files(folder)
    if not found and not problems:
        problems.append(Problem(str(folder), "", "holds no terms"))
    return _usable(found, problems, cross_checked(found))


def extended(catalogue: Catalogue, folders: Iterable[Path]) -> Catalogue:
    """The catalogue with tenants' own rows, documents and models, which stand before it. Files of other kinds in these folders
    are not looked at.

    Raises: ConfigurationError with every problem.
    """
    found: list[Found] = []
    problems: list[Problem] = []
    for folder in folders:
        own, wrong = read_files(folder, own=True)
        found += own
        problems += wrong
    if not found and not problems:
        return catalogue
    shipped = list(_shipped(catalogue))
    # Of two that claim a name the second is told of, and that is the tenant's; of two models the first counts, and that is too.
    return _usable([*found, *shipped], problems, cross_checked([*shipped, *found]))


def assembled(found: Sequence[Found]) -> Catalogue:
    """Files that fit together, as one; of equal names the first counts."""
    version, own = "", set()
    contracts: dict[str, schema.Contract] = {}
    licences: dict[str, schema.Licence] = {}
    models: list[schema.ModelLine] = []
    for each in found:
        content = each.content
        if each.own:
            own.add(each.name)
        if isinstance(content, schema.Contract):
            contracts.setdefault(each.name, content)
        elif isinstance(content, schema.Licence):
            licences.setdefault(each.name, content)
        elif isinstance(content, schema.Models):
            models += content.spec.models
        elif isinstance(content, schema.Catalogue):
            version = version or content.spec.version
    texts = texts_of(each.content for each in found if isinstance(each.content, schema.Document))
    return Catalogue(version, texts, _sorted(contracts), _sorted(licences), models, frozenset(own) & {*contracts, *licences})


def _sorted(rows: Mapping[str, T]) -> dict[str, T]:
    return dict(sorted(rows.items()))


def _usable(found: list[Found], problems: list[Problem], crossed: list[Problem]) -> Catalogue:
    # While a file is unusable, others miss what it would have said; that would be told twice.
    told = problems or crossed
    if told:
        raise ConfigurationError(list(dict.fromkeys(told)))
    return assembled(found)


def _shipped(catalogue: Catalogue) -> Iterator[Found]:
    file = File("the catalogue")
    for texts in catalogue.texts.values():
        yield from (Found(file, text) for text in texts)
    yield from (Found(file, row) for row in catalogue.rows.values())
    head = {"apiVersion": schema.API_VERSION, "metadata": {"name": "terms"}}
    spec = schema.ModelsSpec(models=catalogue.models)
    yield Found(file, schema.Models.model_validate({**head, "kind": "Models", "spec": spec}))
    if catalogue.version:
        yield Found(file, schema.Catalogue.model_validate({**head, "kind": "Catalogue", "spec": {"version": catalogue.version}}))
