"""Values under `match` as patterns: `*` stands for any letters, `?` for any letter, all else for itself; case counts."""

from __future__ import annotations

import re


def is_glob(written: str) -> bool:
    """Whether a value stands for more than itself."""
    return "*" in written or "?" in written


def pattern(written: str) -> re.Pattern[str]:
    """What matches a value as a whole. Runs of `*` count as one, so that a value cannot make searches long."""
    once = re.sub(r"\*+", "*", written)
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in once), re.DOTALL)


def holds(written: str, word: str) -> bool:
    """Whether a word is what a value stands for."""
    return word == written if not is_glob(written) else pattern(written).fullmatch(word) is not None
