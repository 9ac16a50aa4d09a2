"""People and agents: conversations that go on, tools, streams for end users. Clears products; single turns in bulk are a sweep."""

from __future__ import annotations

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import Signal, Sums, ramp


def gains(reading: Reading) -> tuple[float, ...]:
    """Single turns; turns that go on from our answer; tools; streams; end users named; shots that no model of ours wrote;
    turns that go on by a fixed text.
    """
    seen = reading.seen
    turns = seen.turns > seen.prefilled
    single = not turns and not seen.results
    tools = seen.results > 0 or (seen.facts.tools > 0 and not seen.wishes.fields)
    shots = turns and not reading.continued and not tools
    continued = turns and reading.continued and not reading.fed  # an answer of ours that is put into its mouth again is no turn
    scripted = continued and reading.scripted
    more = (continued, tools, seen.facts.stream, reading.new_user, shots, scripted)
    return float(single), *[float(each) for each in more]


def read(shares: tuple[float, ...], _sums: Sums) -> tuple[float, ...]:
    """`people`: end users, and streams as far as anybody ever goes on. `shots`: examples given as a conversation. `scripted`: what
    goes on does so by a fixed text.
    """
    single = ramp(shares[0], 0.3, 0.95)
    streams = 0.6 * ramp(shares[3], 0.3, 0.9) * (1 - ramp(shares[0], 0.7, 0.95))
    people = min(1.0, streams + ramp(shares[4], 0.02, 0.08)) * (1 - single / 2)
    return (
        single,
        ramp(shares[1], 0.1, 0.5),
        ramp(shares[2], 0.2, 0.7),
        people,
        ramp(shares[5], 0.3, 0.9),
        ramp(shares[6], 0.1, 0.5),
    )


SIGNAL = Signal("conversation", ("single_turn", "continued", "tools", "people", "shots", "scripted"), 7, gains, read)
