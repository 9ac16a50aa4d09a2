"""Passwords of people."""

from __future__ import annotations

from proxy.admin import passwords


async def test_only_the_password_matches_what_is_kept_of_it() -> None:
    """What is kept is no password, and nothing matches where nothing is kept."""
    kept = await passwords.hashed("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert await passwords.matches(kept, "correct horse battery")
    assert not await passwords.matches(kept, "correct horse batterx")
    assert not await passwords.matches("", "nobody's")
    assert not await passwords.matches("damaged", "correct horse battery")
