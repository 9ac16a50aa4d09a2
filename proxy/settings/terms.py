"""The terms that a configuration is judged by: the shipped or the pinned catalogue, tenants' own files, and which contract each
upstream is under.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from urllib.parse import urlsplit

import msgspec

from proxy.core import snapshot
from proxy.core.terms import CATALOGUE, Adoption, Clause, Models, Row, Unsaid
from proxy.documents.problems import ConfigurationError, Path, Problem, dotted
from proxy.settings.builtin import default_contract
from proxy.settings.schema import Settings
from proxy.settings.units import at_home
from proxy.terms import compiling, releases
from proxy.terms.catalog import Catalogue, extended, read
from proxy.terms.globs import Globs

SELF_HOSTED = "self_hosted"
"""The row of a host that is one's own: it leaves everything to the model."""

_PRIVATE_ENDINGS = (".internal", ".local", ".localhost", ".lan", ".home.arpa", ".svc")

Place = Callable[[Path], str]
"""Where a value of the configuration stands."""


@dataclass(frozen=True)
class Terms:
    """Compiled terms. `contracts`: by upstream, the row that its host is under, empty where nobody knows. `newer`: what is shipped
    when another version is pinned; it is judged by beside, for the record. `catalogue`: what `rows` are compiled from.
    """

    rows: dict[str, Row]
    models: Models
    clauses: list[Clause]
    contracts: dict[str, str]
    newer: tuple[dict[str, Row], Models] | None = None
    warnings: list[Problem] = field(default_factory=list)
    catalogue: Catalogue = field(default_factory=Catalogue)

    @property
    def unsaid(self) -> list[Unsaid]:
        """What rests on silence, by the day on which somebody has to look again."""
        return compiling.unsaid(self.catalogue)

    @property
    def version(self) -> str:
        """The catalogue's version in force."""
        return self.models.version

    def entries(self) -> list[bytes]:
        """The snapshot's sections `terms`, `models` and `terms_shadow`."""
        framed = [snapshot.put("terms", name, row) for name, row in self.rows.items()]
        framed.append(snapshot.put("models", "models", self.models))
        if self.newer is not None:
            framed += [snapshot.put("terms_shadow", name, row) for name, row in self.newer[0].items()]
            framed.append(snapshot.put("models", "shadow", self.newer[1]))
        return framed


def compiled_terms(settings: Settings, base: FilePath, place: Place, folder: FilePath | None = None) -> Terms:
    """The terms for a configuration. `base`: the folder that relative `policies` are relative to; `folder`: of the shipped terms.

    Raises: ConfigurationError with every problem, NoTermsError for a broken installation.
    """
    folder = folder or releases.terms_folder()
    catalogue, newer, warnings = chosen(settings, folder, place)
    own = [base / at_home(each) for each in settings.policies]
    whole = extended(catalogue, own)
    rows = compiling.rows(whole)
    problems = list(_unknown(settings, rows, place))
    if problems:
        raise ConfigurationError(problems)
    beside = None
    if newer is not None:
        try:
            later = extended(newer, own)
            beside = (compiling.rows(later), compiling.models(later))
        except ConfigurationError as error:
            told = f"the shipped version {newer.version} does not fit together with what is here, so it is not judged by beside: "
            warnings += [Problem(each.place, each.path, told + each.message, each.hint) for each in error.problems]
    return Terms(rows, compiling.models(whole), compiling.clauses(whole), contracts(settings, rows), beside, warnings, whole)


def chosen(settings: Settings, folder: FilePath, place: Place) -> tuple[Catalogue, Catalogue | None, list[Problem]]:
    """The catalogue in force, the shipped one if that is another, and warnings. In force is the version that the configuration
    pins, else the one that a person adopted, else the one that was in force before, else the shipped one: what a new release says
    is judged by beside until somebody adopts it.
    """
    shipped = read(folder)
    pinned, adopted = settings.terms.version, adopted_version(settings.data_dir)
    wanted = pinned or adopted or former_version(settings.data_dir)
    if not wanted or wanted == shipped.version:
        return shipped, None, []
    path = ("terms", "version")
    told = f"stays at {wanted}; what {shipped.version} says otherwise is in shadow"
    waits = Problem("", dotted(path), told, f"terms adopt --by NAME --version {shipped.version} puts it in force")
    try:
        return releases.load(folder, wanted), shipped, [] if pinned or adopted else [waits]
    except releases.NoTermsError as error:
        told = str(error)
        if pinned:
            raise ConfigurationError([Problem(place(path), dotted(path), told, f"{shipped.version} is shipped")]) from None
        return shipped, None, [Problem("", dotted(path), f"{told}; {wanted} was in force, now {shipped.version} is")]


def stored_part(data_dir: FilePath) -> FilePath:
    """What the store says to gateways, adoptions among it (docs/adr/0004-snapshot.md)."""
    return data_dir / "snapshot" / "stored"


def configured_part(data_dir: FilePath) -> FilePath:
    """What the configuration says to gateways, as it was last published."""
    return data_dir / "snapshot" / "configured"


def adopted_version(data_dir: FilePath) -> str:
    """The version that a person put in force; empty if nobody did."""
    found = published(stored_part(data_dir), "adoption", CATALOGUE)
    return msgspec.json.decode(found, type=Adoption).version if found is not None else ""


def former_version(data_dir: FilePath) -> str:
    """The version that the last configuration published here was judged by; empty at the first start."""
    found = published(configured_part(data_dir), "models", "models")
    return msgspec.json.decode(found, type=Models).version if found is not None else ""


def published(part: FilePath, section: str, name: str) -> msgspec.Raw | None:
    """An entry of a part of the snapshot, None where there is none."""
    try:
        text = part.read_bytes()
    except OSError:
        return None
    return next((line.value for line in snapshot.lines(text) if line.put == section and line.name == name), None)


def contracts(settings: Settings, rows: Mapping[str, Row]) -> dict[str, str]:
    """By upstream: the contract that its configuration names, else that of its host, else the usual one of its name, else that of
    one's own hosts.
    """
    hosts = Globs([(host, row.id) for row in rows.values() if row.kind == "contract" for host in row.hosts])
    found: dict[str, str] = {}
    for name, upstream in settings.upstreams.items():
        host = urlsplit(upstream.base_url).hostname or ""
        by_host = hosts.first(host)
        by_name = default_contract(name)
        known = [
            upstream.contract,
            by_host if by_host != SELF_HOSTED else "",
            by_name if by_name in rows else "",
            SELF_HOSTED if SELF_HOSTED in rows and (by_host or own_host(host)) else "",
        ]
        found[name] = next(filter(None, known), "")
    return found


def own_host(host: str) -> bool:
    """Whether a host can only be reached from inside: a private address, or a name without a public ending."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.lower().endswith(_PRIVATE_ENDINGS)


def _unknown(settings: Settings, rows: Mapping[str, Row], place: Place) -> list[Problem]:
    problems = []
    for name, upstream in settings.upstreams.items():
        for key, row in (("contract", upstream.contract), ("model_licence", upstream.model_licence)):
            fitting = [each.id for each in rows.values() if key == "model_licence" or each.kind != "licence"]
            if row and row not in fitting:
                close = difflib.get_close_matches(row, fitting, n=1)
                path: Path = ("upstreams", name, key)
                hint = f"did you mean {close[0]}?" if close else "tos-proxy terms list shows them"
                problems.append(Problem(place(path), dotted(path), f"no row of the terms is named {row}", hint))
    return problems
