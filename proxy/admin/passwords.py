"""Passwords of people: argon2id, by the library's own cost (RFC 9106, low-memory profile), in a thread since each takes tens of
ms.
"""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST = 12
LONGEST = 1024

_hasher = PasswordHasher()


async def hashed(password: str) -> str:
    """What is kept of a password."""
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(kept: str, password: str) -> bool:
    """Whether this is the password. `kept` may be empty, which nothing matches."""
    return await asyncio.to_thread(_matches, kept, password)


def _matches(kept: str, password: str) -> bool:
    nobodys = _nobodys()
    try:
        return _hasher.verify(kept or nobodys, password) and bool(kept)
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """What is compared where there is no user, so that a name that exists takes as long as one that does not; made for the first
    who asks, whoever it is, since a control process to which nobody signs in should not spend it at its start.
    """
    return _hasher.hash("nobody's")
