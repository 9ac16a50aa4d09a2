"""A client's traffic in streams: a pipeline inside other traffic is one of its own, and nothing grows."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.detection.reading import Known
from proxy.detection.window import STREAMS, Traffic, gains_of, joined, terms_of
from tests.unit.detection.traffic import asked, bare, filling, templated


def held(thing: Any, seen: set[int] | None = None) -> int:
    """Bytes of an object and of all that it holds."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type):
        return 0
    seen.add(id(thing))
    size = sys.getsizeof(thing)
    if isinstance(thing, dict):
        size += sum(held(key, seen) + held(value, seen) for key, value in thing.items())
    elif isinstance(thing, (list, tuple, set)):
        size += sum(held(each, seen) for each in thing)
    for name in (*getattr(thing, "__slots__", ()), *getattr(thing, "__struct_fields__", ())):
        size += held(getattr(thing, name, None), seen)
    return size


def test_a_pipeline_inside_other_traffic_is_apart() -> None:
    """One prompt in ten of another template is a stream that holds nothing else."""
    traffic, known = Traffic(), Known()
    inside = templated(40, "Come up with ten new instructions. Let them differ in form. {}.")
    for n in range(400):
        seen = inside[n // 10] if n % 10 == 0 else asked(f"Where is my parcel now. The number is given here. {filling(n)}.", n)
        traffic.add(seen, known)
    sizes = sorted(scope.sums.total for scope in traffic.streams.scopes.values())
    assert 36 <= sizes[-2] <= 40
    assert 340 <= sizes[-1] <= 360


def test_bytes_of_an_active_client() -> None:
    """However much and however varied, a client's traffic takes at most 16 KB."""
    traffic, known = Traffic(), Known()
    source = Random(5)
    for n in range(6000):
        template = f"Answer as number {chr(97 + n % 23) * 4} would do it. {{}}. And then say why it is so {chr(97 + n % 19) * 4}."
        answer = ". ".join(filling(source.getrandbits(30)) for _ in range(5))
        text = template.replace("{}", filling(n))
        traffic.add(asked(text, n, answer=answer, answer_chars=len(answer), end_user=str(n)), known)
    assert len(traffic.streams.scopes) <= STREAMS
    assert held(traffic) <= 16_000


def test_sums_of_parts_are_sums_of_the_whole() -> None:
    """The sums of two clients together say what the traffic of both in one would, as far as they add up."""
    known = Known()
    one, two, both = Traffic(), Traffic(), Traffic()
    for n, seen in enumerate(bare(80, temperature=0.0)):
        (one if n % 2 else two).add(seen, known)
        both.add(seen, known)
    together = terms_of(joined([one.streams.whole.sums, two.streams.whole.sums]))
    assert [round(value, 6) for value in together[-5:]] == [round(value, 6) for value in terms_of(both.streams.whole.sums)[-5:]]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_terms_stay_between_nought_and_one(kinds: list[int]) -> None:
    """Whatever comes, every term is a share."""
    traffic, known = Traffic(), Known()
    for n, kind in enumerate(kinds):
        text = ["", "Hi", filling(n), filling(n % 3), "Write ten questions. " + filling(n), "x" * 9000][kind]
        traffic.add(asked(text, n, output_tokens=kind * 70, temperature=kind / 5), known)
    assert all(
        0 <= value <= 1 for scope in (traffic.streams.whole, *traffic.streams.scopes.values()) for value in terms_of(scope.sums)
    )


def test_gains_are_what_a_reading_adds() -> None:
    """Each prompt adds as many numbers as the sums have, and the sums start at nought."""
    traffic, known = Traffic(), Known()
    assert not any(traffic.streams.whole.sums.values)
    reading, _, due = traffic.add(asked("a prompt of some length", 0), known)
    assert len(gains_of(reading)) == len(traffic.streams.whole.sums.values)
    assert due == []
