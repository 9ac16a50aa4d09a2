"""Texts of others, shown as texts: what would turn, hide or end one (control characters, marks of writing direction, halves of
letters) is written out.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

MOST_SHOWN = 256 * 1024
"""Characters of one text that a page shows; the rest can be had as bytes."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]|[\U000e0000-\U000e007f]"
)


def seen(text: str) -> Markup:
    """A text as HTML in which nothing is hidden: `U+202E` stands where a mark would have turned the line around."""
    shown = Markup("").join(
        Markup('<span class="unseen">U+{:04X}</span>').format(ord(part)) if at % 2 else escape(part)
        for at, part in enumerate(_split(text[:MOST_SHOWN]))
    )
    return shown if len(text) <= MOST_SHOWN else shown + Markup("<em> … {} more characters</em>").format(len(text) - MOST_SHOWN)


def plain(text: str) -> str:
    """The same where no markup may stand (a title, an attribute): still to be escaped."""
    return unhidden(text[:200])


def unhidden(text: str) -> str:
    """The same of a text of any length, for files."""
    return _UNSEEN.sub(lambda found: f"U+{ord(found.group()):04X}", text)


def _split(text: str) -> list[str]:
    """Plain, unseen, plain, unseen, …, plain."""
    parts: list[str] = []
    at = 0
    for found in _UNSEEN.finditer(text):
        parts += [text[at : found.start()], found.group()]
        at = found.end()
    return [*parts, text[at:]]
