"""Patterns that are simple enough for Python's engine: they mean the same there as in RE2, and never need a second try.

Simple is one that begins with `^` and goes on with characters, sets of them and alternatives of texts, where what may repeat cannot
be taken for what follows it, and no alternative begins another; or a text and nothing else. Then each character is looked at once,
so that no text takes longer than its length. All else is left to RE2, which the evaluator compiles anew each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_SPECIAL = frozenset(".^$*+?()[]{}|\\")
_REPEAT = re.compile(r"[*+?]|\{([0-9]{1,3})(?:(,)([0-9]{1,3})?)?\}")
_SET = re.compile(r"\[((?:[A-Za-z0-9_ /:@.,+]-[A-Za-z0-9]|[A-Za-z0-9_ /:@.,+]|\\[.\-+/])+-?)\]")
_RANGE = re.compile(r"\\(.)|(.)-(.)|(.)")
_CHOICE = re.compile(r"\((?:\?:)?([^()\[\]{}*+?.^$\\|]+(?:\|[^()\[\]{}*+?.^$\\|]+)*)\)")


class _Item(NamedTuple):
    """A part of a pattern: how Python writes it, what it may begin with, and whether it may be left out or end in several ways."""

    written: str
    first: frozenset[str]
    optional: bool = False
    repeats: bool = False


def matcher(pattern: str) -> Callable[[str], bool] | None:
    """The function of a text that tells whether the pattern is found in it; None when the pattern is not simple."""
    if not _SPECIAL & set(pattern):
        return lambda text: pattern in text
    if not pattern.startswith("^"):
        return None
    ends = pattern.endswith("$") and not pattern.endswith("\\$")
    items = _items(pattern[1 : -1 if ends else None])
    if items is None or any(_ambiguous(item, items[at + 1 :]) for at, item in enumerate(items)):
        return None
    try:
        match = re.compile("".join(item.written for item in items) + (r"\Z" if ends else "")).match
    except re.error:  # a range backwards
        return None
    return lambda text: match(text) is not None


def _ambiguous(item: _Item, rest: list[_Item]) -> bool:
    """Whether what follows could go on as the item does."""
    if not item.repeats:
        return False
    for each in rest:
        if item.first & each.first:
            return True
        if not each.optional:
            return False
    return False


def _items(pattern: str) -> list[_Item] | None:
    found: list[_Item] = []
    at = 0
    while at < len(pattern):
        item, at = _atom(pattern, at)
        if item is None:
            return None
        repeat = _REPEAT.match(pattern, at)
        if repeat is not None:
            at = repeat.end()
            if len(item.first) == 0 or item.repeats or pattern[at : at + 1] in ("?", "+", "*", "{"):
                return None
            item = _repeated(item, repeat)
            if item is None:
                return None
        found.append(item._replace(repeats=False) if repeat is None else item)
    return found


def _repeated(item: _Item, repeat: re.Match[str]) -> _Item | None:
    """Taken as often as it goes, for good: nothing behind it could want some of it back."""
    written = repeat[0]
    if repeat[1] is not None:
        least, most = int(repeat[1]), int(repeat[3] or repeat[1])
        if most < least or most == 0:
            return None
        return _Item(f"{item.written}{written}+", item.first, optional=not least, repeats=repeat[2] is not None)
    return _Item(f"{item.written}{written}+", item.first, optional=written != "+", repeats=True)


def _atom(pattern: str, at: int) -> tuple[_Item | None, int]:
    letter = pattern[at]
    if letter == "[":
        inside = _SET.match(pattern, at)
        return (_Item(inside[0], _letters(inside[1])), inside.end()) if inside else (None, at)
    if letter == "(":
        choice = _CHOICE.match(pattern, at)
        words = choice[1].split("|") if choice else []
        if choice is None or any(one != other and other.startswith(one) for one in words for other in words):
            return None, at
        # `repeats` keeps it from being repeated: a group's end may look like its beginning
        return _Item(f"(?>{'|'.join(map(re.escape, words))})", frozenset(word[0] for word in words), repeats=True), choice.end()
    if letter == "\\":
        letter = pattern[at + 1 : at + 2]
        plain = letter in _SPECIAL or letter in ("-", "/")
        return (_Item(re.escape(letter), frozenset(letter)), at + 2) if letter and plain else (None, at)
    if letter in _SPECIAL:
        return None, at
    return _Item(re.escape(letter), frozenset(letter)), at + 1


def _letters(inside: str) -> frozenset[str]:
    found: set[str] = set()
    for escaped, low, high, single in _RANGE.findall(inside):
        found.update([escaped or single] if escaped or single else map(chr, range(ord(low), ord(high) + 1)))
    return frozenset(found)
