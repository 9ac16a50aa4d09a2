"""Who asks, with which credential, for which purpose. Nothing a client sends can switch recording off or down.

A credential comes in any provider's slot or in `x-tos-key`; what is kept of it is a keyed fingerprint, the same on every gateway
that shares the identity key. Recognised credentials are remembered, at most `_REMEMBERED`, so that a flood of made-up keys
costs no memory that grows.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from proxy.core.exchange import NO_CREDENTIAL, Caller, Exchange
from proxy.core.principal import PURPOSES, Credential, Principal
from proxy.core.snapshot import CredentialEntry, GatewayOptions
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route
from proxy.wire.proxy_protocol import TrustedPeers
from proxy.wire.request import Request

SLOTS = _BEARER, _X_API_KEY, _API_KEY, _GOOGLE = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
VIRTUAL_PREFIX = b"tp_"
UNACCEPTED = "unaccepted"
_REMEMBERED = 8192
_KNOWN_PURPOSES = frozenset(PURPOSES)


class Identity:
    """The principals of one snapshot, and what has been seen of credentials since."""

    __slots__ = ("_accepted", "_callers", "_credentials", "_identity_key", "_principals", "_trusted")

    def __init__(
        self,
        identity_key: bytes,
        options: GatewayOptions,
        principals: Mapping[str, Principal],
        credentials: Mapping[str, CredentialEntry],
        accepted: set[str],
    ) -> None:
        """`accepted` outlives the snapshot: fingerprints that an upstream has accepted."""
        self._identity_key = identity_key
        self._principals = principals
        self._credentials = credentials
        self._accepted = accepted
        self._callers: dict[tuple[bytes | str | None, ...], Caller] = {}
        self._trusted = TrustedPeers(options.trusted_proxies)

    def recognise(self, exchange: Exchange) -> Caller:
        """Who asks.

        Raises: Refused 400 (two credentials, unknown purpose), 401 (unknown virtual key, or none where ours would be used),
        403 (suspended, or a purpose the principal may not declare).
        """
        request: Request = exchange.request
        route: Route = exchange.route
        values = request.head.values
        if route.query is not None or request.local_socket or self._trusted:
            return self._recognise_caller(request, route)
        get = values.get
        said = (
            get(_BEARER),
            get(_X_API_KEY),
            get(_API_KEY),
            get(_GOOGLE),
            get(b"x-tos-key"),
            get(b"x-tos-purpose"),
            route.upstream.name,
        )
        caller = self._callers.get(said)
        if caller is None:
            caller = self._recognise_caller(request, route)
            if len(self._callers) >= _REMEMBERED:
                self._callers.clear()
            self._callers[said] = caller
        return caller

    def _recognise_caller(self, request: Request, route: Route) -> Caller:
        values = request.head.values
        kind, secret = _credential(values, route.query)
        principal, credential = self._known(kind, secret)
        inject = principal.virtual
        own = values.get(b"x-tos-key")
        if own is not None:
            principal, credential = self._known("x-tos-key", own)
            if principal.automatic and not own.startswith(VIRTUAL_PREFIX):
                raise Refused(401, "unknown_key", "x-tos-key is not the key of any principal here.")
            inject = principal.virtual and (not secret or route.upstream.key_header is not None)
        if not secret and own is None:
            if request.local_socket:
                inject = route.upstream.key_header is not None
            elif route.upstream.key_header is not None:
                raise Refused(
                    401, "no_credential", "A key is needed: this proxy lends the provider's key only to keys that it issued itself."
                )
        if inject and route.upstream.key_header is None:
            raise Refused(
                401, "no_provider_key", f"The proxy holds no provider key for {route.upstream.name}; set its api_key_env."
            )
        if principal.standing == "suspended":
            raise Refused(403, "principal_suspended", f"{principal.name} is suspended.")
        return Caller(
            principal,
            credential,
            _purpose(values.get(b"x-tos-purpose"), principal),
            source=self._source(request),
            inject=inject,
        )

    def accept(self, caller: Caller) -> None:
        """An upstream took this credential: its automatic principal exists from now on."""
        fingerprint = caller.credential.fingerprint
        if fingerprint and len(self._accepted) < 16 * _REMEMBERED:
            self._accepted.add(fingerprint)

    def sealed_for(self, caller: Caller) -> str:
        """Under whose content key the exchange is sealed: made-up credentials share one, so that a flood of them makes no keys."""
        if caller.principal.automatic and caller.credential.fingerprint and caller.credential.fingerprint not in self._accepted:
            return UNACCEPTED
        return caller.principal.name

    def keyed(self, text: str) -> str:
        """A name a client gave (end user, source address) in the form that may be recorded: 32 hex digits."""
        return hmac.digest(self._identity_key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    def _known(self, kind: str, secret: bytes) -> tuple[Principal, Credential]:
        if not secret:
            return Principal("anonymous", automatic=True), NO_CREDENTIAL
        if secret.startswith(VIRTUAL_PREFIX):
            fingerprint = hashlib.sha256(secret).hexdigest()
            entry = self._credentials.get(fingerprint)
            if entry is None or not entry.virtual:
                raise Refused(401, "unknown_key", "This key is not, or no longer, valid here.")
            return self._principals[entry.principal], Credential("virtual", fingerprint)
        subject = _token_subject(secret) if kind == "bearer" else None
        if subject is not None:
            fingerprint = hmac.digest(self._identity_key, b"jwt\0" + subject, "sha256").hex()
            credential = Credential("jwt", fingerprint)
        else:
            fingerprint = hmac.digest(self._identity_key, secret, "sha256").hex()
            credential = Credential(kind, fingerprint)
        entry = self._credentials.get(fingerprint)
        if entry is not None:
            return self._principals[entry.principal], credential
        prefix = "jwt" if subject is not None else "key"
        return Principal(f"{prefix}:{fingerprint[:12]}", automatic=True), credential

    def _source(self, request: Request) -> str:
        """The client's address, keyed; known only when a trusted proxy in front of us names it."""
        if request.source:
            return self.keyed(request.source)
        if request.peer not in self._trusted:
            return ""
        hops = [hop.strip() for hop in request.head.values.get(b"x-forwarded-for", b"").decode("latin-1").split(",")]
        for hop in reversed(hops):
            if hop and hop not in self._trusted:
                return self.keyed(hop)
        return ""


def _credential(values: dict[bytes, bytes], query: bytes | None) -> tuple[str, bytes]:
    """(kind, secret) from the providers' slots; the same secret in two slots counts once."""
    found: dict[bytes, str] = {}
    for slot in SLOTS:
        value = values.get(slot)
        if value is None:
            continue
        kind = slot.decode()
        if slot == b"authorization":
            scheme, _, token = value.partition(b" ")
            kind, value = (
                ("bearer", token.strip()) if scheme.lower() == b"bearer" else (scheme.decode("latin-1").lower()[:20], value)
            )
        if value:
            found.setdefault(value, kind)
    if query and (b"key" in query.lower() or b"%" in query):
        for name, parameter in parse_qsl(query.decode("latin-1"), encoding="latin-1"):
            if name.lower() == "key" and parameter:
                found.setdefault(parameter.encode("latin-1"), "query")
    if len(found) > 1:
        raise Refused(400, "two_credentials", "The request carries two different credentials; send one.")
    for secret, kind in found.items():
        return kind, secret
    return "none", b""


def _token_subject(token: bytes) -> bytes | None:
    """Issuer and subject of a JWT, unverified: they stay the same when the token is renewed, which its bytes do not."""
    if token.count(b".") != 2 or not token.startswith(b"ey"):
        return None
    payload = token.split(b".")[1]
    try:
        claims: dict[str, Any] = msgspec.json.decode(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)), type=dict[str, Any])
    except (ValueError, msgspec.MsgspecError):
        return None
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(subject, str) or not subject:
        return None
    return f"{issuer}\0{subject}".encode("utf-8", "surrogatepass")


def _purpose(asked: bytes | None, principal: Principal) -> str:
    if asked is None:
        return principal.purpose
    purpose = asked.decode("latin-1")
    if purpose not in _KNOWN_PURPOSES:
        raise Refused(400, "unknown_purpose", f"x-tos-purpose must be one of {', '.join(PURPOSES)}.")
    if purpose not in principal.purposes:
        raise Refused(
            403,
            "purpose_not_allowed",
            f"{principal.name} may declare {', '.join(principal.purposes)}, not {purpose}.",
        )
    return purpose
