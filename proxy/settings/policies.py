"""The rules that a configuration is judged by: shipped packs, at their own or a pinned release, and a deployment's own policies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

import msgspec

from proxy.core import snapshot
from proxy.core.rules import Bundle, Rule
from proxy.core.terms import Models, Row
from proxy.dialects import DIALECTS
from proxy.dialects.carried import BATCH_LINE, EVAL_LINE, TRAINING_LINE
from proxy.dialects.passthrough import OTHER
from proxy.documents.problems import ConfigurationError, Path, Problem, dotted
from proxy.policy.compiler import bundle, rules
from proxy.policy.loader import PACK_FILE, Found, Known, Wanted, load, meant, read, released
from proxy.settings.schema import Settings
from proxy.settings.shipped import policies_folder
from proxy.settings.terms import Terms, configured_part, published, stored_part
from proxy.settings.units import at_home
from proxy.terms.releases import terms_folder

Place = Callable[[Path], str]
"""Where a value of the configuration stands."""


@dataclass(frozen=True)
class Policies:
    """Compiled policies. `found`: the files that they come from, with warnings that stop nobody."""

    rules: list[Rule]
    bundle: Bundle
    found: Found

    def entries(self) -> list[bytes]:
        """The snapshot's sections `rule` and `bundle`."""
        framed = [snapshot.put("rule", rule.name, rule) for rule in self.rules]
        return [*framed, snapshot.put("bundle", "bundle", self.bundle)]


def words() -> dict[str, tuple[str, ...]]:
    """What `endpoint` and `dialect` can be in this version."""
    rows = [row.name for dialect in DIALECTS for row in dialect.endpoints]
    endpoints = dict.fromkeys([*rows, BATCH_LINE, TRAINING_LINE, EVAL_LINE, OTHER.name])
    return {"endpoint": tuple(endpoints), "dialect": tuple(dialect.name for dialect in DIALECTS)}


def compiled_policies(
    settings: Settings, base: FilePath, place: Place, terms: Terms | None, folder: FilePath | None = None, now: int | None = None
) -> Policies:
    """The policies for a configuration. `base`: the folder that relative `policies` are relative to; `terms`: None where they
    cannot be read, and clauses are not checked then; `folder`: of the shipped packs; `now`: microseconds since 1970 UTC.

    Raises: ConfigurationError with every problem, TosProxyError for a broken installation.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    wanted = chosen_packs(settings, folder or policies_folder("packs"), place, problems, warnings)
    own = []
    for at, written in enumerate(settings.policies):
        path = base / at_home(written)
        if path.exists():
            own.append(path)
        else:
            problems.append(_problem(place, ("policies", at), f"there is no {path}"))
    clauses = {clause.id for clause in terms.clauses} if terms else None
    found = load(wanted, own, Known(clauses, words(), tuple(settings.upstreams), time.time_ns() // 1000 if now is None else now))
    if problems or found.problems:
        raise ConfigurationError([*problems, *found.problems])
    found.warnings += warnings
    made = rules(found)
    rows: Mapping[str, Row] = terms.rows if terms else {}
    versions = {pack.pack.metadata.name: pack.pack.metadata.version for pack in found.packs}
    models = terms.models if terms else Models()
    return Policies(made, bundle(made, rows, models, terms.version if terms else "", versions), found)


def chosen_packs(
    settings: Settings, folder: FilePath, place: Place, problems: list[Problem], warnings: list[Problem]
) -> list[Wanted]:
    """The packs that `packs` names, each as `name` or `name@version`; what is wrong with a name is put to `problems`.

    One without a version stays at the release that was in force before, at the first start at the shipped one: what a newer
    program's pack says otherwise stands beside in shadow until somebody names its version, and that is put to `warnings`.
    """
    known = sorted(file.parent.name for file in folder.glob(f"*/{PACK_FILE}"))
    former = former_packs(settings.data_dir)
    found: dict[str, Wanted] = {}
    for at, written in enumerate(settings.packs):
        name, pinned, version = written.partition("@")
        path: Path = ("packs", at)
        if name not in known:
            problems.append(_problem(place, path, f"no pack is named {name!r}", meant(name, known)))
            continue
        there = releases(folder / name)
        if name in found:
            problems.append(_problem(place, path, f"{name} is named twice"))
        elif pinned and version not in there:
            hint = f"at hand: {', '.join(there)}; the files of another can stand in a folder of policies"
            problems.append(_problem(place, path, f"there is no release {version or '(empty)'} of {name}", hint))
        else:
            before = version or former.get(name, there[0])
            found[name] = Wanted(folder / name, before if before in there else "")
            if not pinned and before != there[0]:
                warnings.append(_problem(place, path, *_former(name, before, there)))
    return list(found.values())


def _former(name: str, before: str, there: list[str]) -> tuple[str, str]:
    """What is to be said of a pack of which another release was in force than is shipped, and a hint."""
    if before not in there:
        return f"{name} {before} was in force and is not at hand, now {there[0]} is", ""
    return f"{name} stays at {before}; what {there[0]} says otherwise is in shadow", f"{name}@{there[0]} puts it in force"


def former_packs(data_dir: FilePath) -> dict[str, str]:
    """The releases that the last configuration published here was judged by, by pack; none at the first start."""
    entry = published(configured_part(data_dir), "bundle", "bundle")
    return msgspec.json.decode(entry, type=Bundle).packs if entry is not None else {}


def releases(pack: FilePath) -> list[str]:
    """The releases of a pack that are at hand, the shipped one first."""
    tree = read(pack / PACK_FILE).at(("metadata", "version"))
    return [str(tree), *(version for version in released(pack) if version != tree)]


def followed(settings: Settings, base: FilePath) -> list[str]:
    """Files and folders whose change is a change of the configuration."""
    own = [str(base / at_home(written)) for written in settings.policies]
    packs = policies_folder("packs")
    shipped = [*(str(packs / written.partition("@")[0]) for written in settings.packs), str(terms_folder())]
    return [*own, *shipped, str(stored_part(settings.data_dir))]


def _problem(place: Place, path: Path, message: str, hint: str = "") -> Problem:
    return Problem(place(path), dotted(path), message, hint)
