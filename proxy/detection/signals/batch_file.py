"""Lines of batch files: offline work in bulk, as nightly jobs are too."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Whether it is a line whose prompt is new."""
    return (float(reading.seen.carried and reading.new),)


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """The share of new lines."""
    return (ramp(shares[0], 0.2, 0.9),)


SIGNAL = Signal("batch_file", ("batch_lines",), 1, gains, read)
