"""What is open at once."""

from proxy.core.buckets import Bucket, Reservation
from proxy.core.rules import Rate
from proxy.limits.opened import Opened


def test_what_has_ended_leaves_nothing_behind() -> None:
    """As many leave as have entered, however often it is told."""
    opened, few, pace = Opened(), Bucket("f", "", "concurrent", Rate(2, 0.0), "f"), Bucket("p", "", "requests", Rate(1, 1.0), "p")
    held = [Reservation([], opened.enter([(few, 1), (pace, 1)])) for _ in range(2)]
    assert opened.full(few)
    for reservation in (*held, *held):
        opened.leave(reservation)
    assert not opened.full(few)
    assert opened._counts == {}
