"""How a principal stood, drawn over time: a step for each move, what time will bring dashed. As `drawing` has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

Step = tuple[int, str]
"""When, in microseconds since 1970 UTC, and as what it stands from then on."""

LEVELS = {"suspended": 14, "limited": 44, "watched": 74, "normal": 104}

_WIDTH, _HEIGHT, _LEFT = 780, 146, 90
_FOOT = LEVELS["normal"] + 12
_DAYS_US = 3 * 86_400_000_000
_APART = 0.2


class Stood(NamedTuple):
    """What is drawn: steps taken and steps to come, oldest first, and the times at which the drawing begins, is now, and ends."""

    taken: list[Step]
    ahead: list[Step]
    span: tuple[int, int, int]


def stairs(stood: Stood, marks: Sequence[int]) -> Markup:
    """The drawing; `marks` are times at which something was found."""
    begin, now, end = stood.span

    def across(at: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - 10) * min(1.0, max(0.0, (at - begin) / max(1, end - begin)))

    drawn = Markup("").join(_level(name, y) for name, y in LEVELS.items())
    last = stood.taken[-1][1] if stood.taken else "normal"
    steps = [(at, name, name) for at, name in stood.taken]
    steps += [(now, last, f"{last} ahead"), *((at, name, f"{name} ahead") for at, name in stood.ahead), (end, "", "")]
    for (at, name, kind), (until, then, _) in pairwise(steps):
        drawn += Markup('<path d="M{:.1f} {}H{:.1f}V{}" class="stair {}"/>').format(
            across(at), LEVELS[name], across(until), LEVELS[then or name], kind
        )
    drawn += Markup('<line x1="{0:.1f}" y1="6" x2="{0:.1f}" y2="{1}" class="level now"/>').format(across(now), _FOOT)
    drawn += Markup("").join(Markup('<circle cx="{:.1f}" cy="{}" r="4" class="mark"/>').format(across(at), _FOOT) for at in marks)
    return Markup(
        '<svg class="stairs" viewBox="0 0 {0} {1}" width="{0}" height="{1}" aria-hidden="true" focusable="false">{2}{3}</svg>'
    ).format(_WIDTH, _HEIGHT, drawn, _times(begin, now, end))


def _level(name: str, y: int) -> Markup:
    line = Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="level"/>').format(_LEFT, y, _WIDTH - 10, y)
    return line + Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_LEFT - 10, y + 4, name)


def _times(begin: int, now: int, end: int) -> Markup:
    """The times below: of the beginning and the end, and of now where it stands apart from both."""
    share = (now - begin) / max(1, end - begin)
    told = [(begin, 0.0, "start")] if share > _APART else []
    told += [(now, share, "end" if share > 1 - _APART else "start" if share < _APART else "middle")]
    told += [(end, 1.0, "end")] if share < 1 - _APART else []
    form = "%Y-%m-%d" if end - begin > _DAYS_US else "%Y-%m-%d %H:%M"
    return Markup("").join(
        Markup('<text x="{:.1f}" y="{}" text-anchor="{}" class="says">{}</text>').format(
            _LEFT + (_WIDTH - _LEFT - 10) * place,
            _HEIGHT - 4,
            anchor,
            datetime.fromtimestamp(at / 1_000_000, UTC).strftime(form),
        )
        for at, place, anchor in told
    )
