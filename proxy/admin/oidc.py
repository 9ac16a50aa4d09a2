"""Single sign-on by OpenID Connect: authorization code with PKCE (RFC 7636), state and nonce kept here, the ID token checked
against the provider's keys (OpenID Connect Core §3.1.3.7).

Roles come from a claim of the ID token: `roles` maps its values to ours, the highest counts. Whoever has none is not let in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped] # the library has no types
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from proxy.admin.roles import ROLES
from proxy.admin.sign_on import PENDING_SECONDS, Person, Provider, SignOnError

MOST_PENDING = 1000
LEEWAY_SECONDS = 60
_SECONDS = 10.0
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]


@dataclass(frozen=True)
class _Pending:
    nonce: str
    verifier: str
    back: str
    at: float


@dataclass
class OpenIdConnect:
    """One provider, and the sign-ons that have begun. `now` gives seconds of a monotonic clock."""

    provider: Provider
    now: Callable[[], float]
    _pending: dict[str, _Pending] = field(default_factory=dict)
    _found: dict[str, Any] | None = None

    async def begin(self, back: str) -> tuple[str, str]:
        """Where to send the browser, and the state by which it is known when it comes back to `back`. Raises: SignOnError."""
        metadata = await self._metadata()
        now = self.now()
        self._pending = {key: one for key, one in self._pending.items() if now - one.at < PENDING_SECONDS}
        while len(self._pending) >= MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        pending = _Pending(secrets.token_urlsafe(24), secrets.token_urlsafe(48), back, now)
        address, state = self._client(back).create_authorization_url(
            metadata["authorization_endpoint"], nonce=pending.nonce, code_verifier=pending.verifier
        )
        self._pending[state] = pending
        return address, state

    async def finish(self, state: str, code: str) -> Person:
        """Who came back. A state is good for one time. Raises: SignOnError."""
        pending = self._pending.pop(state, None)
        if pending is None or self.now() - pending.at > PENDING_SECONDS:
            raise SignOnError("this sign-on was not begun here, or too long ago; begin again")
        metadata = await self._metadata()
        try:
            async with self._client(pending.back) as client:
                given = await client.fetch_token(metadata["token_endpoint"], code=code, code_verifier=pending.verifier)
        except (httpx2.HTTPError, AuthlibBaseError, ValueError) as error:
            raise SignOnError(f"the provider gave no token ({type(error).__name__})") from None
        claims = await self._claims(str(given.get("id_token", "")), metadata)
        if claims.get("nonce") != pending.nonce:
            raise SignOnError("the provider's answer belongs to another sign-on; begin again")
        return self._person(claims)

    def _client(self, back: str) -> AsyncOAuth2Client:
        who = self.provider
        return AsyncOAuth2Client(
            who.client_id, who.client_secret, redirect_uri=back, scope=who.scopes, code_challenge_method="S256", timeout=_SECONDS
        )

    async def _claims(self, token: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        published: Any = await self._json(metadata["jwks_uri"])
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "value": self.provider.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            claims = dict(jwt.decode(token, KeySet.import_key_set(published), algorithms=_ALGORITHMS).claims)
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignOnError(f"the provider's token does not hold ({type(error).__name__})") from None
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self.provider.client_id:
            raise SignOnError("the provider's token is for another application")
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        held = claims.get(self.provider.claim, [])
        values = held if isinstance(held, list) else [held]
        given = [self.provider.roles[value] for value in values if isinstance(value, str) and value in self.provider.roles]
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])[:128]
        if not given:
            raise SignOnError(f"{name} has none of the roles that are let in here; ask whoever runs tos-proxy")
        return Person(f"{self.provider.issuer}#{claims['sub']}", name, max(given, key=ROLES.index))

    async def _metadata(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery §4), asked for once. Raises: SignOnError."""
        if self._found is None:
            found = await self._json(self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.provider.issuer:
                raise SignOnError("the provider calls itself by another name than the configuration does")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if urlsplit(str(found.get(name, ""))).scheme not in ("http", "https"):
                    raise SignOnError(f"the provider does not say where its {name} is")
            self._found = found
        return self._found

    async def _json(self, address: str) -> dict[str, Any]:
        try:
            async with httpx2.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
                answer = await client.get(address)
                found = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise SignOnError(f"the provider cannot be asked ({type(error).__name__})") from None
        if answer.status_code != 200 or not isinstance(found, dict):
            raise SignOnError(f"the provider refused (status {answer.status_code})")
        return found
