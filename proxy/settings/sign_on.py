"""Section `admin.oidc`: single sign-on to the pages."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from proxy.settings.units import VARIABLE, Strict


def _issuer(written: str) -> str:
    """An issuer is an https address without query (OpenID Connect Discovery §2); http only on this machine, for tests of it."""
    parts = urlsplit(written)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("should start with https://")
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError("should be an address without query and fragment")
    return written


class Oidc(Strict):
    """Single sign-on to the pages by OpenID Connect. `roles` maps values of the claim to `viewer | reviewer | admin`."""

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret_env: Annotated[str, Field(pattern=VARIABLE)]
    claim: str = "groups"
    roles: Annotated[dict[str, Literal["viewer", "reviewer", "admin"]], Field(min_length=1)]
    name: str = "single sign-on"
