"""What a worker counts on the way."""

from __future__ import annotations

from proxy.core.exchange import Exchange
from proxy.core.facts import Usage
from proxy.gateway.figures import BOUNDS_NS, Figures
from proxy.telemetry import names
from proxy.telemetry.prometheus import samples


class Asked:
    """As much of a request as is counted."""

    received = 7


def test_waits_fall_into_buckets_that_add_up() -> None:
    """A bucket holds what took no longer than its bound; the last holds all, and is the count."""
    figures = Figures()
    exchange = Exchange("rec_1", 0, 1000, Asked())
    for waited in (1, BOUNDS_NS[0], BOUNDS_NS[0] + 1, BOUNDS_NS[-1] + 1):
        figures.sent(exchange, 1000 + waited)
    rows = {(name, *labels.values()): value for name, labels, value in samples(figures.rows(), {})}
    bucket = f"{names.DISPATCH_SECONDS}_bucket"
    assert [rows[bucket, bound] for bound in ("0.001", "0.0025", "1", "+Inf")] == [2, 3, 3, 4]
    assert rows[f"{names.DISPATCH_SECONDS}_count",] == 4
    assert rows[f"{names.DISPATCH_SECONDS}_sum",] == (1 + 2 * BOUNDS_NS[0] + 1 + BOUNDS_NS[-1] + 1) / 1e9
    assert rows[names.RECEIVED_BYTES,] == 28


def test_tokens_by_upstream() -> None:
    """Tokens are counted for the upstream that answered; an answer without usage adds none."""
    figures = Figures()
    figures.ended("openai", 10, Usage(input=3, output=5, cached=1))
    figures.ended("openai", 5, None)
    figures.ended("gemini", 0, Usage(output=2))
    rows = {(name, *labels.values()): value for name, labels, value in samples(figures.rows(), {})}
    assert (rows[names.TOKENS, "openai", "input"], rows[names.TOKENS, "openai", "cached"]) == (3, 1)
    assert (rows[names.TOKENS, "gemini", "output"], rows[names.DELIVERED_BYTES,]) == (2, 15)
