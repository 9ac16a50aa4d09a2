"""Charts and graphs as SVG, made here: attributes and classes only, since a page may hold neither styles nor scripts of its own.

What a drawing shows stands in a table or in words beside it, so it is hidden from those who have pages read to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin, tau

from markupsafe import Markup

from proxy.admin.pages.texts import plain

MOST_DRAWN = 40
"""Accounts in one graph; a table beside it has all of them."""

_HALF = 100
_ROW = 30
_ACCOUNTS_X, _TIES_X, _WIDTH = 250, 520, 780
_LONGEST = 30
_FEWEST = 24
_AROUND = 240
_LEAST = 0.01


@dataclass(frozen=True)
class Edge:
    """What ties an account; `says` how strongly, where that is known."""

    account: str
    tie: str
    says: str


def bar(value: float, most: float) -> Markup:
    """A bar that goes right from the middle for what is above nought, and left for what is below."""
    length = min(1.0, abs(value) / most) * _HALF if most else 0.0
    begin = _HALF if value >= 0 else _HALF - length
    return Markup(
        '<svg class="bar" viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<line x1="100" y1="0" x2="100" y2="14" class="axis"/>'
        '<rect x="{:.1f}" y="2" width="{:.1f}" height="10" class="{}"/></svg>'
    ).format(begin, length, "against" if value < 0 else "for")


def activity(counts: Sequence[int]) -> Markup:
    """One column for each count, in order, the last at the right; columns of nought are left out."""
    most, wide = max(counts, default=0) or 1, max(_FEWEST, len(counts))
    first = wide - len(counts)
    columns = Markup("").join(
        Markup('<rect x="{}" y="{:.1f}" width="8" height="{:.1f}"/>').format((first + at) * 10 + 1, 60 - height, height)
        for at, number in enumerate(counts)
        if number and (height := max(1.5, 58 * number / most))
    )
    return Markup(
        '<svg class="activity" viewBox="0 0 {} 60" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '{}<line x1="0" y1="59.5" x2="{}" y2="59.5" class="axis"/></svg>'
    ).format(wide * 10, columns, wide * 10)


def graph(accounts: Sequence[str], ties: Sequence[str], edges: Sequence[Edge]) -> Markup:
    """Accounts on the left, what ties them on the right, and a line for each tie of each; the first `MOST_DRAWN` accounts."""
    shown = list(accounts[:MOST_DRAWN])
    height = max(len(shown), len(ties), 1) * _ROW + 20
    left, right = _heights(shown, height), _heights(ties, height)
    drawn = [edge for edge in edges if edge.account in left and edge.tie in right]
    lines = Markup("").join(_line(edge, left[edge.account], right[edge.tie]) for edge in drawn)
    names = Markup("").join(
        Markup('<circle cx="{}" cy="{}" r="6" class="account"/><text x="{}" y="{}" text-anchor="end">{}</text>').format(
            _ACCOUNTS_X, y, _ACCOUNTS_X - 14, y + 5, _short(name)
        )
        for name, y in left.items()
    )
    hubs = Markup("").join(
        Markup('<rect x="{}" y="{}" width="14" height="14" rx="3" class="tie"/><text x="{}" y="{}">{}</text>').format(
            _TIES_X - 7, y - 7, _TIES_X + 14, y + 5, _short(name)
        )
        for name, y in right.items()
    )
    return Markup(
        '<svg class="graph" viewBox="0 0 {} {}" width="{}" height="{}" aria-hidden="true" focusable="false">{}{}{}</svg>'
    ).format(_WIDTH, height, _WIDTH, height, lines, names, hubs)


def web(accounts: Sequence[str], pairs: Sequence[tuple[str, str, int]]) -> Markup:
    """Accounts in a circle, and a line between two that share something, the thicker the more; the first `MOST_DRAWN` accounts."""
    shown = list(accounts[:MOST_DRAWN])
    radius = max(90, 11 * len(shown))
    middle, high = radius + _AROUND, radius + 30
    angles = {name: tau * at / len(shown) for at, name in enumerate(shown)}
    places = {name: (middle + radius * sin(angle), high - radius * cos(angle)) for name, angle in angles.items()}
    most = max((number for _, _, number in pairs), default=1)
    lines = Markup("").join(
        Markup('<line x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}" class="pair share{}"/>').format(
            *places[one], *places[other], 1 + 2 * number // max(1, most)
        )
        for one, other, number in pairs
        if one in places and other in places
    )
    turned = [(name, sin(angles[name]) >= -_LEAST, x, y + 4 - 12 * cos(angles[name])) for name, (x, y) in places.items()]
    names = Markup("").join(_named(name, x, y, right=right) for name, right, x, y in turned)
    dot = Markup('<circle cx="{:.0f}" cy="{:.0f}" r="6" class="account"/>')
    dots = Markup("").join(dot.format(x, y) for x, y in places.values())
    return Markup(
        '<svg class="graph" viewBox="0 0 {} {}" width="{}" height="{}" aria-hidden="true" focusable="false">{}{}{}</svg>'
    ).format(2 * middle, 2 * high, 2 * middle, 2 * high, lines, dots, names)


def _named(name: str, x: float, y: float, *, right: bool) -> Markup:
    side, anchor = (10, "start") if right else (-10, "end")
    return Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text>').format(x + side, y, anchor, _short(name))


def _line(edge: Edge, begin: int, end: int) -> Markup:
    middle = (_ACCOUNTS_X + _TIES_X) // 2
    line = Markup('<path d="M{} {}C{} {} {} {} {} {}" class="edge"/>').format(
        _ACCOUNTS_X, begin, middle, begin, middle, end, _TIES_X, end
    )
    if not edge.says:
        return line
    return line + Markup('<text x="{}" y="{}" class="says">{}</text>').format(_ACCOUNTS_X + 12, begin - 5, _short(edge.says))


def _heights(names: Sequence[str], height: int) -> dict[str, int]:
    """A place for each, evenly over the height."""
    step = height / max(1, len(names))
    return {name: int(step * (at + 0.5)) for at, name in enumerate(names)}


def _short(text: str) -> str:
    seen = plain(text)
    return seen if len(seen) <= _LONGEST else seen[: _LONGEST - 1] + "…"
