"""The frame of all signals: widths, names and weights fit together."""

from __future__ import annotations

from proxy.detection.reading import Known, Memory
from proxy.detection.signals import SIGNALS, TERMS, WIDTH
from proxy.detection.signals.signal import ramp
from tests.unit.detection.traffic import asked


def test_each_signal_adds_as_many_numbers_as_it_says() -> None:
    """A signal's gains have its width, so that nobody's sums land on another's."""
    reading = Memory().read(asked("a prompt of some length", 0), Known())
    assert [len(signal.gains(reading)) for signal in SIGNALS] == [signal.width for signal in SIGNALS]
    assert sum(signal.width for signal in SIGNALS) == WIDTH
    assert len(set(TERMS)) == len(TERMS)


def test_ramp() -> None:
    """Straight between its ends, flat beyond them."""
    assert [ramp(value, 2, 4) for value in (1, 2, 3, 4, 5)] == [0, 0, 0.5, 1, 1]
