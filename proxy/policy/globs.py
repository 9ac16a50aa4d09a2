"""Values under `match` as patterns: `*` stands for any letters, `?` for any letter, all else for itself; case counts."""

from __future__ import annotations

import re


def is_glob(written: str) -> bool:
    """Whether a value stands for more than itself."""
    return "*" in written or "?" in written


def pattern(written: str) -> re.Pattern[str]:
    """What matches a value as a whole, in time proportional to both lengths: where a part was found first it stays, since clients
    choose the names that are looked at.
    """
    first, *parts = ["".join("." if letter == "?" else re.escape(letter) for letter in part) for part in written.split("*")]
    if not parts:
        return re.compile(first, re.DOTALL)
    *middle, last = parts
    found = "".join(f"(?>.*?{part})" for part in middle if part)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def holds(written: str, word: str) -> bool:
    """Whether a word is what a value stands for."""
    return word == written if not is_glob(written) else pattern(written).fullmatch(word) is not None
