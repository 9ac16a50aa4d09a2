"""The one way from environment and file to what is published: for `serve`, `config check` and control."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from proxy.core.principal import Principal
from proxy.documents.problems import ConfigurationError, Path, Problem, dotted
from proxy.ledger.secrets import MASTER_VARIABLE
from proxy.settings.described import Description, Running, SignOnOptions, digest_with
from proxy.settings.effective import unused
from proxy.settings.entries import compiled, principals
from proxy.settings.identity import Keys, identity_key
from proxy.settings.limits import parted
from proxy.settings.loading import Loaded, load
from proxy.settings.policies import Policies, compiled_policies, followed
from proxy.settings.schema import Settings
from proxy.settings.terms import Terms, compiled_terms

_STATIC = ("data_dir", "database_url", "redis_url", "admin", "health", "alerts", "telemetry")
_STATIC_GATEWAY = ("host", "port", "unix_socket", "tls", "workers")


@dataclass(frozen=True)
class Compiled:
    """A configuration that can be used: the snapshot's configured part, and warnings that stop nobody. `digest`: of the file and of
    what is `followed` beside it, before it was read.
    """

    loaded: Loaded
    entries: list[bytes]
    principals: list[Principal]
    warnings: list[Problem]
    terms: Terms
    policies: Policies
    digest: str
    followed: list[str]

    @property
    def settings(self) -> Settings:
        """The checked settings."""
        return self.loaded.settings

    @property
    def description(self) -> Description:
        """The configuration as control goes by it."""
        static = _static(self.settings)
        terms = self.terms
        return Description(
            running(self.settings), self.digest, static, self.entries, self.principals, terms.clauses, self.followed, terms.unsaid
        )


def compile_configuration(
    environ: Mapping[str, str], folder: FilePath | None = None, *, make: bool, unset_keys: bool = False
) -> Compiled:
    """Read, check and compile. With `make` the data folder and the identity key are made when there are none; without, nothing is
    written, and entries for keys whose fingerprint needs the identity key are missing. With `unset_keys` keys whose variables are
    not set are missing, too: whoever runs a command beside the proxy need not have its clients' keys.

    Raises: ConfigurationError with every problem.
    """
    loaded = load(environ, folder)
    if make:
        _make_data_dir(loaded.settings.data_dir)
    identity = identity_key(loaded.settings.data_dir, environ, make=make)
    keys = Keys(loaded.settings, environ, identity)
    wrong = keys.findings if unset_keys else [*keys.unset, *keys.findings]
    if wrong:
        raise ConfigurationError([Problem(_place(loaded, path), dotted(path), message) for path, message in wrong])
    warnings = [_plain(loaded, path, known.hashed if known else None) for path, known in keys.plain]
    warnings += _mortal_key(loaded, environ)
    warnings += [*_parted_limits(loaded), *_unset_secrets(loaded, environ), *_open_admin(loaded)]
    settings = loaded.settings
    paths = followed(settings, _base(loaded, folder))
    seen = digest_with(loaded.digest, paths)
    try:
        terms, policies = _rules(loaded, _base(loaded, folder))
    except ConfigurationError as error:
        error.followed = tuple(paths)
        raise
    entries = [*compiled(settings, keys.known, terms.contracts), *terms.entries(), *policies.entries()]
    warnings += [*terms.warnings, *policies.found.warnings, *unused(loaded)]
    return Compiled(loaded, entries, principals(settings, keys.known), warnings, terms, policies, seen, paths)


def _rules(loaded: Loaded, base: FilePath) -> tuple[Terms, Policies]:
    """Terms and policies; the problems of both are told together."""

    def place(path: Path) -> str:
        return _place(loaded, path)

    try:
        terms = compiled_terms(loaded.settings, base, place)
    except ConfigurationError as wrong:
        try:
            compiled_policies(loaded.settings, base, place, None)
        except ConfigurationError as also:
            raise ConfigurationError([*wrong.problems, *also.problems]) from None
        raise
    return terms, compiled_policies(loaded.settings, base, place, terms)


def running(settings: Settings) -> Running:
    """What control goes by, out of the settings."""
    ledger = settings.ledger
    return Running(
        folder=str(settings.data_dir),
        store_url=settings.database_url or f"sqlite:///{settings.data_dir}/store.db",
        admin_token=settings.admin.token,
        max_bytes=ledger.max_bytes,
        content_seconds=ledger.retention.content,
        evidence_seconds=ledger.retention.evidence,
        copied=ledger.durability.copied,
        ship_seconds=ledger.durability.ship,
        sign_on=_sign_on(settings),
        alerts={name: alert.target for name, alert in settings.alerts.items()},
        otlp=settings.telemetry.otlp.target if settings.telemetry.otlp else None,
    )


def _sign_on(settings: Settings) -> SignOnOptions | None:
    given = settings.admin.oidc
    if given is None:
        return None
    return SignOnOptions(given.issuer, given.client_id, given.client_secret_env, given.claim, dict(given.roles), given.name)


def _base(loaded: Loaded, folder: FilePath | None) -> FilePath:
    """What relative paths of the configuration are relative to."""
    return loaded.file.parent if loaded.file is not None else (folder or FilePath.cwd())


def _static(settings: Settings) -> dict[str, str]:
    values = {name: getattr(settings, name) for name in _STATIC}
    values |= {f"gateway.{name}": getattr(settings.gateway, name) for name in _STATIC_GATEWAY}
    return {name: hashlib.sha256(repr(value).encode()).hexdigest() for name, value in values.items()}


def _make_data_dir(data_dir: FilePath) -> None:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError([Problem("", "data_dir", f"{data_dir} cannot be made: {error.strerror}")]) from None


def _place(loaded: Loaded, path: Path) -> str:
    for length in range(len(path), 0, -1):
        if path[:length] in loaded.environment:
            return f"environment: {loaded.environment[path[:length]]}"
    return loaded.document.place(path)


def _mortal_key(loaded: Loaded, environ: Mapping[str, str]) -> list[Problem]:
    """Where the volume may die, a master key that lies on it would take the contents in the database along."""
    if not loaded.settings.ledger.durability.copied or MASTER_VARIABLE in environ:
        return []
    path = ("ledger", "durability", "copies")
    told = f"without {MASTER_VARIABLE} the master key dies with the volume, and contents in the database can then not be opened"
    return [Problem(_place(loaded, path), dotted(path), told, "keep it where secrets are kept")]


def _parted_limits(loaded: Loaded) -> list[Problem]:
    settings = loaded.settings
    own = {name: principal.limits for name, principal in settings.principals.items()}
    told = "" if settings.redis_url else parted(settings.gateway.workers, own, settings.limits)
    path = ("gateway", "workers")
    return [Problem(_place(loaded, path), dotted(path), told, "set redis_url, and they share it")] if told else []


def _unset_secrets(loaded: Loaded, environ: Mapping[str, str]) -> list[Problem]:
    """Secrets that are named and not there: nothing stops for them, and nobody who relies on them would notice here."""
    named = {
        ("alerts", name, "secret_env"): (each.secret_env, "webhooks go unsigned") for name, each in loaded.settings.alerts.items()
    }
    if (oidc := loaded.settings.admin.oidc) is not None:
        named["admin", "oidc", "client_secret_env"] = (oidc.client_secret_env, "nobody can sign in by it")
    return [
        Problem(_place(loaded, path), dotted(path), f"the environment variable {variable} is not set: {so}")
        for path, (variable, so) in named.items()
        if variable and not environ.get(variable)
    ]


def _open_admin(loaded: Loaded) -> list[Problem]:
    """The admin listener speaks no TLS, and whoever has what passes over it has every content."""
    admin, path = loaded.settings.admin, ("admin", "host")
    if not admin.enabled or _of_this_machine(admin.host):
        return []
    shield = "the admin token and sign-in" if admin.oidc is None else "the admin token and single sign-on"
    told = f"other machines reach the admin API and pages at {admin.host}: {shield} alone protect them, over plain HTTP"
    return [Problem(_place(loaded, path), dotted(path), told, "stay on 127.0.0.1, behind a front with TLS")]


def _of_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _plain(loaded: Loaded, path: Path, hashed: str | None) -> Problem:
    instead = (
        f"write {hashed} instead" if hashed else "write env:NAME instead, or its hashed form, shown once the identity key exists"
    )
    return Problem(_place(loaded, path), dotted(path), "a key stands here in plain text", instead)
