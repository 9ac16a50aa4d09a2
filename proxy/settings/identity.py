"""Fingerprints of configured keys, made exactly as a gateway makes them from what a client sends.

Virtual keys (`tp_…`) are random, so a plain SHA-256 keeps them; every other key is known by HMAC-SHA256 under the deployment's
identity key, which no one outside can compute or compare. Tokens that are renewed by the hour are known by issuer and subject.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy.documents.problems import Path as Place
from proxy.documents.problems import Problem
from proxy.settings.schema import Settings

VIRTUAL_PREFIX = "tp_"
_KEY_FORMS = ("key:", "virtual:", "env:", "jwt:")


@dataclass(frozen=True)
class KnownKey:
    """A configured key reduced to its fingerprint (64 hex digits). `plain`: the key itself stands in the configuration."""

    path: Place
    principal: str
    fingerprint: str
    virtual: bool
    plain: bool = False

    @property
    def hashed(self) -> str:
        """What may be written into the configuration instead of the key."""
        return f"{'virtual' if self.virtual else 'key'}:{self.fingerprint}"


def fingerprint(key: str, identity: bytes) -> str:
    """64 hex digits for a key as a client sends it."""
    if key.startswith(VIRTUAL_PREFIX):
        return hashlib.sha256(key.encode()).hexdigest()
    return hmac.digest(identity, key.encode(), "sha256").hex()


def token_fingerprint(issuer: str, subject: str, identity: bytes) -> str:
    """64 hex digits for every token of a subject: its `iss` and `sub` stay the same when it is renewed, its bytes do not."""
    return hmac.digest(identity, f"jwt\0{issuer}\0{subject}".encode(), "sha256").hex()


def identity_key(data_dir: Path, environ: Mapping[str, str], *, make: bool) -> bytes | None:
    """The deployment's identity key; with `make` it is made (0600) when there is none, else None is given.

    Raises: ConfigurationError when it is there but cannot be used.
    """
    from proxy.documents.problems import ConfigurationError
    from proxy.ledger import secrets

    variable, path = environ.get(secrets.IDENTITY_VARIABLE), data_dir / "secrets" / "identity.key"
    if not make and variable is None and not path.exists():
        return None
    try:
        if make:
            return secrets.load(data_dir, environ).identity
        return bytes.fromhex(variable if variable is not None else path.read_text("ascii").strip())
    except secrets.SecretError as error:
        raise ConfigurationError([Problem("", "", str(error))]) from None
    except ValueError:
        where = secrets.IDENTITY_VARIABLE if variable is not None else str(path)
        raise ConfigurationError([Problem(where, "", "should be 64 hex digits")]) from None
    except OSError as error:
        raise ConfigurationError([Problem(str(path), "", f"cannot be read or made: {os.strerror(error.errno or 0)}")]) from None


class Keys:
    """The keys of all configured principals, resolved. `unset` tells variables that are not set, `findings` keys that two
    principals share.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str], identity: bytes | None) -> None:
        self.known: list[KnownKey] = []
        self.plain: list[tuple[Place, KnownKey | None]] = []
        """Keys that stand in the configuration themselves, hashed where the identity key is known."""
        self.unset: list[tuple[Place, str]] = []
        self.findings: list[tuple[Place, str]] = []
        self._environ = environ
        self._identity = identity
        owners: dict[str, str] = {}
        for path, principal, written in _written(settings):
            known = self._resolve(path, principal, written)
            if not written.startswith(_KEY_FORMS):
                self.plain.append((path, known))
            if known is None:
                continue
            owner = owners.setdefault(known.fingerprint, principal)
            if owner != principal:
                self.findings.append((path, f"the same key as one of {owner}'s"))
            self.known.append(known)

    def _resolve(self, path: Place, principal: str, written: str) -> KnownKey | None:
        form, _, rest = written.partition(":")
        if form in ("key", "virtual") and rest:
            return KnownKey(path, principal, rest, virtual=form == "virtual")
        if form == "jwt" and rest:
            issuer, _, subject = rest.partition("#")
            if self._identity is None:
                return None
            return KnownKey(path, principal, token_fingerprint(issuer, subject, self._identity), virtual=False)
        key, plain = written, True
        if form == "env" and rest:
            key, plain = self._environ.get(rest, "").strip(), False
            if not key:
                self.unset.append((path, f"the environment variable {rest} is not set"))
                return None
        virtual = key.startswith(VIRTUAL_PREFIX)
        if not virtual and self._identity is None:
            return None
        return KnownKey(path, principal, fingerprint(key, self._identity or b""), virtual=virtual, plain=plain)


def _written(settings: Settings) -> Iterator[tuple[Place, str, str]]:
    for name, principal in settings.principals.items():
        for at, written in enumerate(principal.keys):
            yield ("principals", name, "keys", at), name, written
