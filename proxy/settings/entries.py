"""Compiles checked settings to the snapshot entries that gateways read (docs/adr/0004-snapshot.md). No secret is among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from proxy.core import snapshot
from proxy.core.principal import Principal
from proxy.core.snapshot import CredentialEntry, GatewayOptions, LedgerOptions, UpstreamOptions
from proxy.settings import limits
from proxy.settings.builtin import key_slot
from proxy.settings.identity import KnownKey
from proxy.settings.schema import Settings


def compiled(settings: Settings, keys: list[KnownKey], contracts: Mapping[str, str]) -> list[bytes]:
    """The configured part of a snapshot, each entry framed; the store's principals are added by whoever publishes. `contracts`: the
    row of the terms that each upstream is under.
    """
    entries = [
        snapshot.put("gateway", "options", _gateway(settings)),
        snapshot.put("ledger", "options", _ledger(settings)),
    ]
    entries += [snapshot.put("upstream", name, _upstream(settings, name, contracts.get(name, ""))) for name in settings.upstreams]
    entries += [snapshot.put("principal", one.name, one) for one in principals(settings, keys)]
    own = {name: principal.limits for name, principal in settings.principals.items()}
    entries += limits.entries(own, settings.limits, limited=settings.detection.enforce == "limits")
    entries += [snapshot.put("credential", key.fingerprint, CredentialEntry(key.principal, virtual=key.virtual)) for key in keys]
    return entries


def principals(settings: Settings, keys: list[KnownKey]) -> list[Principal]:
    """The configured principals."""
    virtual = {key.principal for key in keys if key.virtual}
    return [_principal(settings, name, name in virtual) for name in settings.principals]


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _gateway(settings: Settings) -> GatewayOptions:
    gateway, deadlines, caps = settings.gateway, settings.gateway.deadlines, settings.gateway.caps
    return GatewayOptions(
        host=gateway.host,
        port=gateway.port,
        unix_socket=_path(gateway.unix_socket),
        tls_certificate=_path(gateway.tls.certificate) if gateway.tls else None,
        tls_key=_path(gateway.tls.key) if gateway.tls else None,
        workers=gateway.workers,
        default_upstream=settings.default_upstream,
        trusted_proxies=tuple(gateway.trusted_proxies),
        proxy_protocol=gateway.proxy_protocol,
        end_user_header=gateway.end_user_header,
        disclosure=settings.shown_disclosure,
        on_client_abort=gateway.on_client_abort,
        header_seconds=deadlines.header,
        body_seconds=deadlines.body,
        body_bytes_per_second=deadlines.body_rate,
        write_stall_seconds=deadlines.write_stall,
        idle_seconds=deadlines.idle,
        connect_seconds=deadlines.connect,
        first_byte_seconds=deadlines.first_byte,
        drain_seconds=deadlines.drain,
        max_header_bytes=caps.header_bytes,
        max_headers=caps.headers,
        max_connections=caps.connections,
        max_connections_per_source=caps.connections_per_source,
    )


def _ledger(settings: Settings) -> LedgerOptions:
    ledger = settings.ledger
    return LedgerOptions(
        on_failure=ledger.on_failure,
        max_bytes=ledger.max_bytes,
        content=ledger.content,
        tick_seconds=ledger.durability.tick,
        unsynced_bytes=ledger.durability.unsynced,
    )


def _upstream(settings: Settings, name: str, contract: str) -> UpstreamOptions:
    upstream = settings.upstreams[name]
    return UpstreamOptions(
        name=name,
        dialect=upstream.dialect,
        base_url=upstream.base_url,
        api_key_env=upstream.api_key_env,
        api_key_slot=upstream.api_key_slot or key_slot(upstream.base_url),
        contract=contract,
        model_licence=upstream.model_licence,
        headers=upstream.headers,
        client_certificate=_path(upstream.client_certificate),
        client_key=_path(upstream.client_key),
    )


def _principal(settings: Settings, name: str, virtual: bool) -> Principal:
    principal = settings.principals[name]
    return Principal(
        name=name,
        purposes=principal.allowed,
        purpose=principal.default,
        attributes=principal.attributes,
        project=principal.project,
        content=principal.content or settings.ledger.content,
        virtual=virtual,
    )
