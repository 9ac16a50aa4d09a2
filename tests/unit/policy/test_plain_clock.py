"""Parts of a date; tests/property/test_expressions.py holds them against CEL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.core.facts import RequestFacts
from proxy.policy.plain_clock import part_of_date, text_of_moment
from proxy.policy.plain_terms import BeyondError
from tests.unit.policy.calls import call

HOUR = 3_600_000_000
AT = 1_774_745_999_500_000  # 2026-03-29T00:59:59.5Z; half a second later Berlin has summer


def test_parts_are_those_of_the_place() -> None:
    """Found anew each minute, also where its clocks are changed."""
    hours = part_of_date("getHours", "Europe/Berlin").get
    assert [hours(call(RequestFacts(), at=at)) for at in (AT, AT - HOUR, AT + 500_000, AT)] == [1, 0, 3, 1]
    assert part_of_date("getHours", "").get(call(RequestFacts(), at=AT)) == 0


class _Interrupted(int):
    """A moment; when it is compared, another thread has its turn."""

    turn: Callable[[], object] = staticmethod(list)

    def __floordiv__(self, other: int) -> _Interrupted:
        return _Interrupted(int(self) // other)

    def __ne__(self, other: object) -> bool:
        self.turn()
        return int(self) != other

    __hash__ = int.__hash__


def test_threads_each_have_the_hour_of_their_own_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when another asks for another hour just as the minute that was found last turns out to be the right one."""
    hours = part_of_date("getHours", "").get
    other = call(RequestFacts(), at=AT + 2 * HOUR)
    monkeypatch.setattr(_Interrupted, "turn", staticmethod(lambda: hours(other)))
    assert hours(call(RequestFacts(), at=AT)) == 0
    assert hours(call(RequestFacts(), at=_Interrupted(AT))) == 0
    assert hours(other) == 2


def test_a_moment_as_text_has_what_there_is_of_a_second() -> None:
    """As CEL writes it."""
    text = text_of_moment().get
    assert [text(call(RequestFacts(), at=at)) for at in (AT, AT + 500_000)] == ["2026-03-29T00:59:59.5Z", "2026-03-29T01:00:00Z"]


@pytest.mark.parametrize(("part", "zone"), [("getSeconds", ""), ("getHours", "+05:45"), ("getHours", "Europe/Atlantis")])
def test_what_is_not_certain_is_left_to_the_evaluator(part: str, zone: str) -> None:
    """Parts of a minute, offsets, places that nobody here knows."""
    with pytest.raises(BeyondError):
        part_of_date(part, zone)
