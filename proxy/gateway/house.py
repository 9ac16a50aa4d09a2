"""Everything of one snapshot that a walk needs, built once and replaced as a whole: options, routes, identity, judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from proxy.core.exchange import Exchange
from proxy.core.principal import Principal, Standing
from proxy.core.snapshot import CredentialEntry, GatewayOptions, LedgerOptions, Line, UpstreamOptions
from proxy.gateway.identity import Identity
from proxy.gateway.judges import Steps
from proxy.gateway.refusal import SLOWED, Refused
from proxy.gateway.routes import Route, Routes, Upstream
from proxy.wire import handshake
from proxy.wire.handshake import HandshakeError
from proxy.wire.head import RequestHead
from proxy.wire.pool import Pool
from proxy.wire.request import Request

T = TypeVar("T", bound=msgspec.Struct)
Entries = Mapping[str, Mapping[str, Line]]
Judging = Callable[[Entries], Steps]
"""Makes the judges of a snapshot from its entries, by section and name."""


class House:
    """One snapshot in force; `number` names it in every record."""

    __slots__ = ("_end_user_header", "cancels", "gateway", "identity", "judges", "ledger", "number", "routes")

    def __init__(
        self, number: int, gateway: GatewayOptions, ledger: LedgerOptions, routes: Routes, identity: Identity, judges: Steps
    ) -> None:
        self.number = number
        self.gateway = gateway
        self.ledger = ledger
        self.routes = routes
        self.identity = identity
        self.judges = judges
        self.cancels = gateway.on_client_abort == "cancel"
        self._end_user_header = gateway.end_user_header.lower().encode() if gateway.end_user_header else None

    def route(self, exchange: Exchange) -> Route:
        """Where the request goes.

        Raises: Refused 400, 404, 405 (TRACE would echo credentials), 426 (an upgrade).
        """
        request: Request = exchange.request
        head = request.head
        if head.method in ("TRACE", "CONNECT", "TRACK"):
            raise Refused(405, "method_not_carried", f"{head.method} is not carried.")
        if b"upgrade" in head.values and handshake.asked(head):
            return self._session(exchange, head)
        return self.routes.find(head.method, head.target)

    def _session(self, exchange: Exchange, head: RequestHead) -> Route:
        """Where a session goes. Raises: Refused 400, 404, 426."""
        route = self.routes.session(head.target)
        if route is None:
            raise Refused(426, "upgrade_not_carried", "Nothing here upgrades to another protocol.")
        exchange.route = route  # a handshake that is refused is refused in this provider's words
        try:
            handshake.check_request(head)
        except HandshakeError as error:
            raise Refused(error.status, "bad_handshake", f"This is no handshake of a WebSocket: {error}.") from error
        return route

    def name_end_user(self, exchange: Exchange) -> None:
        """Where the body names no end user, the configured header may; it is keyed before it is recorded, like the other."""
        if self._end_user_header is not None and exchange.facts.end_user is None:
            request: Request = exchange.request
            named = request.head.values.get(self._end_user_header)
            exchange.facts.end_user = named.decode("latin-1") if named else None

    def disclosed(self, refused: Refused, exchange: Exchange) -> Refused:
        """A refusal as far as a client may read it: with `disclosure: reference`, denials tell the record id only. Whoever is
        slowed down by findings is told how to declare a purpose, and whom to ask.
        """
        if self.gateway.disclosure != "reference" or refused.status not in (403, 429) or refused.code == SLOWED:
            return refused
        return Refused(refused.status, "refused", f"Refused; the reference is {exchange.id}.", wait=refused.wait)


def build(
    lines: Entries,
    number: int,
    pool: Callable[[UpstreamOptions], Pool],
    environment: Mapping[str, str],
    identity_key: bytes,
    accepted: set[str],
    judging: Judging,
) -> House:
    """Build from a snapshot's entries, by section and name. `pool` gives the (shared) connections for an upstream.

    Raises: msgspec.ValidationError, WireSettingError when an entry is not what this version understands, and what `judging` raises.
    """
    gateway = _only(lines, "gateway", GatewayOptions())
    upstreams = {}
    for name, options in _all(lines, "upstream", UpstreamOptions).items():
        key = environment.get(options.api_key_env) if options.api_key_env else None
        upstreams[name] = Upstream(options, pool(options), key)
    identity = Identity(
        identity_key,
        gateway,
        _all(lines, "principal", Principal),
        _all(lines, "credential", CredentialEntry),
        accepted,
        _all(lines, "standing", Standing),
    )
    routes = Routes(upstreams, gateway.default_upstream)
    return House(number, gateway, _only(lines, "ledger", LedgerOptions()), routes, identity, judging(lines))


def _all(lines: Entries, section: str, kind: type[T]) -> dict[str, T]:
    return {name: msgspec.json.decode(line.value, type=kind) for name, line in lines.get(section, {}).items()}


def _only(lines: Entries, section: str, default: T) -> T:
    line = lines.get(section, {}).get("options")
    return default if line is None else msgspec.json.decode(line.value, type=type(default))
