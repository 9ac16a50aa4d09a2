"""The fuzz targets in short: their seeds, and what a minute's luck makes of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.wire import chunked
from tests.hostile.building import spoil
from tests.hostile.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    """Every seed, whole and spoiled, keeps the target's promises."""
    target, seeds = TARGETS[name]
    dice = random.Random(name)
    for seed in seeds():
        if len(seed) < 20_000:
            target(seed)
            target(spoil(seed, dice, dice.randint(1, 4)) if seed else seed)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes(name: str) -> None:
    """Any bytes, and spoiled seeds, keep the target's promises."""
    target, seeds = TARGETS[name]
    known = [seed for seed in seeds() if 0 < len(seed) < 2000]

    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(st.binary(max_size=300), st.builds(spoil, st.sampled_from(known), st.randoms(), st.integers(1, 5))))
    def holds(raw: bytes) -> None:
        target(raw)

    holds()


def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that forgets what it has of a chunk's line is found out by cutting."""
    strict = chunked.ChunkedDecoder.feed

    def forgetful(self: chunked.ChunkedDecoder, received: bytes) -> list[bytes]:
        if len(self._pending) == 2:
            self._pending = b""
        return strict(self, received)

    monkeypatch.setattr(chunked.ChunkedDecoder, "feed", forgetful)
    target, seeds = TARGETS["chunked_body"]
    with pytest.raises(AssertionError):
        any(map(target, seeds()))
