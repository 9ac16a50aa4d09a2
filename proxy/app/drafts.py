"""What the commands of policy authors work on: rules and their tests, from paths or as the configuration names them.

A path is a pack (a folder with a `pack.yaml`), a folder of packs and policies, a policy, or a test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from proxy.app.sites import sites
from proxy.documents.problems import Problem
from proxy.policy import compiler, loader
from proxy.policy.cases import TestFile, read_tests
from proxy.policy.conditions import condition
from proxy.policy.loader import PACK_FILE, RELEASES, Known, Wanted
from proxy.policy.soundness import Placed
from proxy.policy.suite import ENDING, Means, Suite, suites
from proxy.settings.loading import Loaded, load
from proxy.settings.policies import chosen_packs, words
from proxy.settings.shipped import policies_folder
from proxy.settings.terms import Terms, compiled_terms
from proxy.settings.units import at_home
from proxy.terms.verdict import TermsJudge

_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Drafts:
    """Rules with their places, the suites about them, what cannot be used, and tests of `lost` rules. `clauses`: ids of all."""

    placed: list[Placed]
    suites: list[Suite]
    problems: list[Problem]
    lost: list[Problem]
    warnings: list[Problem]
    means: Means
    clauses: frozenset[str]


@dataclass
class _Places:
    """Where to look. `only`: files that were named themselves; of what stands around them nothing is told."""

    packs: list[Wanted] = field(default_factory=list)
    policies: list[Path] = field(default_factory=list)
    only: set[str] = field(default_factory=set)

    def add(self, path: Path) -> None:
        """A path as somebody gave it."""
        if path.is_file():
            self._add_file(path)
        elif (path / PACK_FILE).is_file():
            self.packs.append(Wanted(path))
        elif packs := sorted(each.parent for each in path.rglob(PACK_FILE) if RELEASES not in each.parts):
            self.packs += map(Wanted, packs)
            self.policies += [file for file in loader.files_of(path, []) if not any(pack in file.parents for pack in packs)]
        else:
            self.policies.append(path)

    def _add_file(self, path: Path) -> None:
        stem = path.stem.removesuffix(ENDING)
        rule, test = path.with_name(stem + path.suffix), path.with_name(stem + ENDING + path.suffix)
        self.only |= {loader.shown(rule), loader.shown(test)}
        if (path.parent / PACK_FILE).is_file():
            self.packs.append(Wanted(path.parent))
        else:
            self.policies.append(rule if rule.is_file() else path.parent)

    def tests(self) -> Iterator[Path]:
        """Test files of all places, each once."""
        seen: set[Path] = set()
        for place in (*(wanted.folder for wanted in self.packs), *self.policies):
            for file in _tests_at(place):
                if file not in seen and (not self.only or loader.shown(file) in self.only):
                    seen.add(file)
                    yield file


def _tests_at(place: Path) -> list[Path]:
    if place.is_dir():
        within = sorted(each for each in place.rglob(f"*{ENDING}.*") if each.suffix in _ENDINGS)
        return [each for each in within if RELEASES not in each.relative_to(place).parts]
    beside = place.with_name(f"{place.stem}{ENDING}{place.suffix}")
    return [beside] if beside.is_file() else []


@dataclass(frozen=True)
class Ground:
    """What drafts are held against: the configuration, the folder that its paths are relative to, its terms."""

    loaded: Loaded
    base: Path
    terms: Terms


def ground() -> Ground:
    """That of the environment. Raises: ConfigurationError when configuration or terms cannot be used."""
    loaded = load(os.environ)
    base = loaded.file.parent if loaded.file is not None else Path.cwd()
    return Ground(loaded, base, compiled_terms(loaded.settings, base, loaded.origin))


def drafts(paths: list[Path], now: int, on: Ground | None = None) -> Drafts:
    """Everything at the paths, or, without any, what the configuration puts in force. `now`: microseconds since 1970 UTC.

    Raises: ConfigurationError, as `ground`.
    """
    on = on or ground()
    problems: list[Problem] = []
    places = _places(paths, on, problems)
    clauses = frozenset(clause.id for clause in on.terms.clauses)
    upstreams = (
        tuple(on.loaded.settings.upstreams) if on.loaded.file is not None else None
    )  # without a file they are not all of them
    found = loader.load(dict.fromkeys(places.packs), dict.fromkeys(places.policies), Known(clauses, words(), upstreams, now))
    placed = [Placed(compiler.rule(source), source) for source in found.sources]
    tests, wrong = _tests(places)
    about, lost = suites(tests, [each.rule for each in placed], lambda rule: rule.source)
    means = Means(condition, TermsJudge(on.terms.rows, on.terms.models).judge, sites(on.loaded.settings, on.terms))
    if places.only:
        placed = [each for each in placed if each.source.document.name in places.only] or placed
    return Drafts(
        placed, about, [*problems, *found.problems, *wrong], [] if found.problems else lost, found.warnings, means, clauses
    )


def _places(paths: list[Path], on: Ground, problems: list[Problem]) -> _Places:
    places = _Places()
    for path in paths:
        places.add(path)
    if not paths:
        places.packs = chosen_packs(on.loaded.settings, policies_folder("packs"), on.loaded.origin, problems, [])
        for own in on.loaded.settings.policies:
            places.add(on.base / at_home(own))
    return places


def _tests(places: _Places) -> tuple[list[TestFile], list[Problem]]:
    tests, problems = [], []
    for file in places.tests():
        test, wrong = read_tests(file.read_bytes(), loader.shown(file))
        problems += wrong
        if test is not None:
            tests.append(test)
    return tests, problems
