"""Makes the admin application: of an open ledger, what is in force, and the configuration as people may see it."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.app.open_ledger import OpenLedger
from proxy.core.clock import SystemClock
from proxy.core.principal import Principal
from proxy.ledger import erasing, secrets
from proxy.settings.described import Running

if TYPE_CHECKING:
    from proxy.app.answering import Told


def application(
    ledger: OpenLedger,
    configured: Callable[[], list[Principal]],
    published: Callable[[], Any],
    environ: Mapping[str, str],
    in_force: Told,
    more: Mapping[str, Any] | None = None,
) -> Any:
    """The admin application over an open ledger. `more`: other parts, by their names in `AdminParts`."""
    from proxy.admin.app import create
    from proxy.admin.auth import TOKEN_FILE, token
    from proxy.admin.in_force import InForce
    from proxy.admin.parts import AdminParts
    from proxy.app.answering import answer, texts
    from proxy.control.watching import shipped_weights

    running = ledger.running

    async def settings() -> Sequence[Any]:
        return await asyncio.to_thread(_effective, environ)

    async def status() -> Mapping[str, str]:
        return await asyncio.to_thread(_status, running)

    parts = AdminParts(
        store=ledger.store,
        master=AESGCM(secrets.load(running.data_dir, environ).master),
        token=token(running.data_dir / "secrets" / TOKEN_FILE, running.admin_token)[0],
        record=ledger.record,
        configured=configured,
        published=published,
        in_force=InForce(in_force.section, in_force.clauses),
        alerts=running.alerts,
        status=status,
        settings=settings,
        sign_on=_sign_on(running, environ),
        weights=shipped_weights,
        keyed=_keyed(running, environ),
        explain=partial(answer, ledger.store, in_force),
        policy_texts=lambda rule: asyncio.to_thread(texts, rule),
        erase=lambda principal: erasing.erase(ledger.store, running.data_dir, principal, SystemClock.utc_us()),
        **(more or {}),
    )
    return create(parts)


def _keyed(running: Running, environ: Mapping[str, str]) -> Callable[[str], str]:
    """Keys a text under the deployment's identity, apart from all else that is keyed under it."""
    key = hmac.digest(secrets.load(running.data_dir, environ).identity, b"traits", "sha256")
    return lambda text: hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]


def _sign_on(running: Running, environ: Mapping[str, str]) -> Any:
    """What carries people to the provider of single sign-on and back; None where there is none."""
    given = running.sign_on
    if given is None:
        return None
    from proxy.admin.oidc import OpenIdConnect
    from proxy.admin.sign_on import Provider

    secret = environ.get(given.secret_env, "")
    provider = Provider(given.issuer, given.client_id, secret, given.claim, given.roles, given.name)
    return OpenIdConnect(provider, time.monotonic)


def _effective(environ: Mapping[str, str]) -> Sequence[Any]:
    """The configuration as people may see it; nothing where it cannot be read now, which the diagnostics tell."""
    from proxy.core.errors import TosProxyError
    from proxy.settings.effective import effective
    from proxy.settings.identity import identity_key
    from proxy.settings.loading import load

    try:
        loaded = load(environ)
        return effective(loaded, identity_key(loaded.settings.data_dir, environ, make=False))
    except (TosProxyError, OSError):
        return ()


def _status(running: Running) -> Mapping[str, str]:
    """How the ledger stands, in words."""
    from proxy.control.plan import GATEWAY
    from proxy.control.presence import who_serves
    from proxy.control.retention import spool_usage
    from proxy.review.reconciling import said

    usage = spool_usage(running.data_dir, running.max_bytes, SystemClock.utc_us())
    gateway = (who_serves(running.data_dir, GATEWAY) or {}).get("gateway_url")
    left = "too early to say for how long" if usage.days_left is None else f"{usage.days_left:,.0f} days left at this pace"
    return {
        "Spool": f"{usage.used / 1024**2:,.1f} of {usage.max_bytes / 1024**2:,.0f} MiB, {left}",
        "Contents are kept": f"{running.content_seconds / 86400:,.0f} days",
        "Evidence is kept": f"{running.evidence_seconds / 86400:,.0f} days",
        "Copies": "this volume and the database" if running.copied else "this volume",
        "Folder": running.folder,
        "Reconciled": said(running.data_dir),
        **({"Gateway": gateway} if gateway else {}),
    }
