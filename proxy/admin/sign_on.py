"""Single sign-on as the application knows it: who provides it, who came back, and how it fails. `oidc` speaks the protocol; its
libraries are loaded only where a provider is configured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from proxy.core.errors import TosProxyError

PENDING_SECONDS = 600.0
"""How long a person may take at the provider."""


class SignOnError(TosProxyError):
    """Single sign-on did not come to its end; the message is for the person."""


@dataclass(frozen=True)
class Provider:
    """A provider as the configuration names it. `claim` holds groups or roles, of which `roles` maps some to ours."""

    issuer: str
    client_id: str
    client_secret: str
    claim: str
    roles: Mapping[str, str]
    name: str = "single sign-on"
    scopes: str = "openid profile email"


@dataclass(frozen=True)
class Person:
    """Who signed on: `subject` is `<issuer>#<sub>`, which never changes; `name` is what people call them."""

    subject: str
    name: str
    role: str


class SignOn(Protocol):
    """Carries people to a provider and back."""

    provider: Provider

    async def begin(self, back: str) -> tuple[str, str]:
        """Where to send the browser, and the state by which it is known when it comes back to `back`. Raises: SignOnError."""
        ...

    async def finish(self, state: str, code: str) -> Person:
        """Who came back. A state is good for one time. Raises: SignOnError."""
        ...
