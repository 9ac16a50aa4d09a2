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

from proxy.core.exchange import NO_CREDENTIAL, NOBODY, Caller, Exchange
from proxy.core.principal import PURPOSES, STANDINGS, UNDECLARED, Credential, Principal, Standing
from proxy.core.snapshot import CredentialEntry, GatewayOptions
from proxy.dialects.plans import plan_of_key
from proxy.gateway.links import Began, began
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route, Upstream
from proxy.wire.handshake import PROTOCOLS, protocol_key
from proxy.wire.proxy_protocol import TrustedPeers
from proxy.wire.request import Request

SLOTS = _BEARER, _X_API_KEY, _API_KEY, _GOOGLE = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
VIRTUAL_PREFIX = b"tp_"
UNACCEPTED = "unaccepted"
_REMEMBERED = 4096
_MOST_ACCEPTED = 131_072
_LONGEST_REMEMBERED = 2048
_SCHEMES = {b"bearer": "bearer", b"basic": "basic"}
_NOT_VALID = "This key is not, or no longer, valid here."
_ISSUED_ONLY = "A key is needed: this proxy lends the provider's key only to keys that it issued itself."
_KNOWN_PURPOSES = frozenset(PURPOSES)


class _NotKnownError(Exception):
    """A key that is nobody's here."""

    def __init__(self, message: str, credential: Credential) -> None:
        super().__init__(message)
        self.credential = credential
        self.refused = Refused(401, "unknown_key", message)


class Identity:
    """The principals of one snapshot, and what has been seen of credentials since."""

    __slots__ = ("_accepted", "_callers", "_credentials", "_principals", "_standings", "_trusted", "key")

    def __init__(
        self,
        identity_key: bytes,
        options: GatewayOptions,
        principals: Mapping[str, Principal],
        credentials: Mapping[str, CredentialEntry],
        accepted: set[str],
        standings: Mapping[str, Standing] | None = None,
    ) -> None:
        """`accepted` outlives the snapshot: fingerprints that an upstream has accepted. `standings`: by the names of principals,
        automatic ones among them, over what these have themselves.
        """
        self.key = identity_key
        self._standings = standings or {}
        self._principals = {name: self._placed(principal) for name, principal in principals.items()}
        self._credentials = credentials
        self._accepted = accepted
        self._callers: dict[tuple[bytes | str | None, ...], Caller] = {}
        self._trusted = TrustedPeers(options.trusted_proxies)

    def recognise(self, exchange: Exchange) -> Caller:
        """Who asks. One that may not go on is named all the same, with why in `refused`: 401 (unknown virtual key, or none where
        ours would be used), 403 (suspended, or a purpose the principal may not declare), 400 (unknown purpose).

        Raises: Refused 400 for two credentials, which name nobody.
        """
        request: Request = exchange.request
        route: Route = exchange.route
        values = request.head.values
        if route.endpoint.links and (beginner := began(exchange, self.key)) is not None:
            return self._going_on(beginner, request, route)
        if route.elsewhere or request.local_socket or self._trusted:
            return self._recognise(request, route, values)
        get = values.get
        said = (
            get(_BEARER),
            get(_X_API_KEY),
            get(_API_KEY),
            get(_GOOGLE),
            get(b"x-tos-key"),
            get(b"x-tos-purpose"),
            route.upstream.name,
            route.plan,
        )
        caller = self._callers.get(said)
        if caller is None:
            caller = self._recognise(request, route, values)
            if sum(len(part) for part in said if part) <= _LONGEST_REMEMBERED:
                if len(self._callers) >= _REMEMBERED:
                    self._callers.clear()
                self._callers[said] = caller
                caller.lasting = True
        return caller

    def _recognise(self, request: Request, route: Route, values: dict[bytes, bytes]) -> Caller:
        kind, secret = _credential(values, route.query, session=route.upgrades)
        own = values.get(b"x-tos-key")
        source = self._source(request)
        try:
            principal, credential = self._known(kind, secret) if own is None else self._own(own)
        except _NotKnownError as error:
            return Caller(NOBODY, error.credential, UNDECLARED, source=source, refused=error.refused)
        try:
            inject = _injects(credential, secret, request, route.upstream, own=own is not None)
            purpose = _purpose(values.get(b"x-tos-purpose"), principal)
        except Refused as refused:
            return Caller(principal, credential, principal.purpose, source=source, refused=refused)
        key_plan = route.upstream.key_plan if inject else plan_of_key(secret)
        return Caller(principal, _sold(credential, route.plan or key_plan), purpose, source=source, inject=inject)

    def _going_on(self, beginner: Began, request: Request, route: Route) -> Caller:
        """Whoever began the upload that this request goes on with, as they stand by now."""
        credential = Credential(beginner.kind, beginner.fingerprint, beginner.plan)
        source = self._source(request)
        principal = self._holder(credential)
        if principal is None or (beginner.kind == "x-tos-key" and principal.automatic):
            refused = Refused(401, "unknown_key", _NOT_VALID)
            return Caller(NOBODY, credential, UNDECLARED, source=source, refused=refused)
        try:
            if beginner.inject and route.upstream.key_header is None:
                raise _without_provider_key(route.upstream)
            purpose = _purpose(None if beginner.purpose == principal.purpose else beginner.purpose.encode(), principal)
        except Refused as refused:
            return Caller(principal, credential, principal.purpose, source=source, refused=refused)
        return Caller(principal, credential, purpose, source=source, inject=beginner.inject)

    def _own(self, key: bytes) -> tuple[Principal, Credential]:
        """The principal of an `x-tos-key`, which is always one of ours."""
        principal, credential = self._known("x-tos-key", key)
        if principal.automatic:
            raise _NotKnownError("x-tos-key is not the key of any principal here.", credential)
        return principal, credential

    def accept(self, caller: Caller) -> None:
        """An upstream took this credential: its automatic principal exists from now on."""
        fingerprint = caller.credential.fingerprint
        if fingerprint and len(self._accepted) < _MOST_ACCEPTED:
            self._accepted.add(fingerprint)

    def sealed_for(self, caller: Caller) -> str:
        """Under whose content key the exchange is sealed: made-up credentials share one, so that a flood of them makes no keys."""
        if caller.principal.automatic and caller.credential.fingerprint and caller.credential.fingerprint not in self._accepted:
            return UNACCEPTED
        return caller.principal.name

    def keyed(self, text: str) -> str:
        """A name a client gave (end user, source address) in the form that may be recorded: 32 hex digits."""
        return hmac.digest(self.key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    def _known(self, kind: str, secret: bytes) -> tuple[Principal, Credential]:
        if not secret:
            return self._placed(Principal("anonymous", automatic=True)), NO_CREDENTIAL
        if secret.startswith(VIRTUAL_PREFIX):
            fingerprint = hashlib.sha256(secret).hexdigest()
            credential = Credential("virtual", fingerprint)
            known = self._holder(credential)
            if known is None:
                raise _NotKnownError(_NOT_VALID, credential)
            return known, credential
        subject = _token_subject(secret) if kind == "bearer" else None
        if subject is not None:
            fingerprint = hmac.digest(self.key, b"jwt\0" + subject, "sha256").hex()
            credential = Credential("jwt", fingerprint)
        else:
            fingerprint = hmac.digest(self.key, secret, "sha256").hex()
            credential = Credential(kind, fingerprint)
        holder = self._holder(credential)
        assert holder is not None, "only a virtual key is nobody's"
        return holder, credential

    def _holder(self, credential: Credential) -> Principal | None:
        """Whose credential it is; None of a virtual key that is nobody's."""
        virtual = credential.kind == "virtual"
        entry = self._credentials.get(credential.fingerprint)
        if entry is not None and (entry.virtual or not virtual) and (known := self._principals.get(entry.principal)) is not None:
            return known
        prefix = "jwt" if credential.kind == "jwt" else "key"
        return None if virtual else self._placed(Principal(f"{prefix}:{credential.fingerprint[:12]}", automatic=True))

    def _placed(self, principal: Principal) -> Principal:
        """The principal as it stands; the worse standing counts."""
        found = self._standings.get(principal.name)
        if found is None:
            return principal
        worse = max(principal.standing, found.standing, key=STANDINGS.index)
        return msgspec.structs.replace(principal, standing=worse, group=found.group)

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


def _sold(credential: Credential, plan: str) -> Credential:
    return Credential(credential.kind, credential.fingerprint, plan) if plan else credential


def _credential(values: dict[bytes, bytes], query: bytes | None, *, session: bool) -> tuple[str, bytes]:
    """(kind, secret) from the providers' slots; the same secret in two slots counts once."""
    found = _in_fields(values)
    if session and (hidden := protocol_key(values.get(PROTOCOLS, b""))):
        found.setdefault(hidden, "subprotocol")
    if query and (b"key" in (spelt := query.lower()) or b"token" in spelt or b"%" in query):
        for name, parameter in parse_qsl(query.decode("latin-1"), encoding="latin-1"):
            if name.lower() in ("key", "access_token") and parameter:
                found.setdefault(parameter.encode("latin-1"), "query")
    if len(found) > 1:
        raise Refused(400, "two_credentials", "The request carries two different credentials; send one.")
    for secret, kind in found.items():
        return kind, secret
    return "none", b""


def _in_fields(values: dict[bytes, bytes]) -> dict[bytes, str]:
    """Kinds by secret, as far as header fields hold them."""
    found: dict[bytes, str] = {}
    for slot in SLOTS:
        value = values.get(slot)
        if value is None:
            continue
        kind = slot.decode()
        if slot == b"authorization":
            scheme, _, token = value.partition(b" ")
            # Nothing of the value may become the kind: who forgets the scheme sends the secret itself.
            kind, value = _SCHEMES.get(scheme.lower(), kind), token.strip() if scheme.lower() == b"bearer" else value
        if value:
            found.setdefault(value, kind)
    return found


def _token_subject(token: bytes) -> bytes | None:
    """Issuer and subject of a JWT, unverified: they stay the same when the token is renewed, which its bytes do not."""
    if token.count(b".") != 2 or not token.startswith(b"ey"):
        return None
    payload = token.split(b".")[1]
    try:
        claims: dict[str, Any] = msgspec.json.decode(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)), type=dict[str, Any])
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(subject, str) or not subject:
        return None
    return f"{issuer}\0{subject}".encode("utf-8", "surrogatepass")


def _injects(credential: Credential, secret: bytes, request: Request, upstream: Upstream, *, own: bool) -> bool:
    """Whether the provider's key takes the place of what came: only for a virtual key or a peer on the unix socket.

    Raises: Refused 401 where there is none to take its place, or nobody to lend it to; a virtual key never goes upstream.
    """
    lends = upstream.key_header is not None
    if not secret and not own and lends:
        if not request.local_socket:
            raise Refused(401, "no_credential", _ISSUED_ONLY)
        return True
    inject = credential.kind == "virtual" and (lends or not own or not secret)
    if (inject and not lends) or (secret.startswith(VIRTUAL_PREFIX) and not inject):
        raise _without_provider_key(upstream)
    return inject


def _without_provider_key(upstream: Upstream) -> Refused:
    setting, variable = f"upstreams.{upstream.name}.api_key_env", upstream.options.api_key_env
    told = f"{variable} ({setting}) is not set where it runs." if variable else f"{setting} names its variable."
    return Refused(401, "no_provider_key", f"The proxy holds no provider key for {upstream.name}: {told}")


def _purpose(asked: bytes | None, principal: Principal) -> str:
    """The purpose of this call. Raises: Refused 400, 403."""
    if principal.standing == "suspended":
        raise Refused(403, "principal_suspended", f"{principal.name} is suspended.")
    if asked is None:
        return principal.purpose
    purpose = asked.decode("latin-1")
    if purpose not in _KNOWN_PURPOSES:
        raise Refused(400, "unknown_purpose", f"x-tos-purpose must be one of {', '.join(PURPOSES)}.")
    if purpose not in principal.purposes:
        raise Refused(
            403,
            "purpose_not_allowed",
            f"{principal.name} may declare {', '.join(principal.purposes)}, not {purpose}; who runs the proxy can change that.",
        )
    return purpose
