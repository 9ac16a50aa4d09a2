"""What a lookup in the reference index costs a gateway, and what an object costs on disk.

    python -m benchmarks.micro_references [OBJECTS]

An index of so many objects (100,000 unless told otherwise) is written as control writes it, then looked up in random order by a
reader
with its own file descriptor. Printed are the median of the rounds in µs for the key alone, for an object that the gateway itself
just saw made, for one that is found in the file, and for a miss (which also looks whether a newer file has come), the cost of
a put, the bytes per object on disk, and the growth of resident memory while everything was looked up.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from proxy.core.references import Origin, reference_key, subkey
from proxy.gateway.references import Recent
from proxy.ledger.reference_index import FILE_NAME, IndexReader, IndexWriter

ROUNDS = 7
_SAMPLE = 20_000
_KEY = subkey(b"k" * 32)


def _ref(number: int) -> str:
    return f"response:resp_{number:048x}"


def _origin(number: int) -> Origin:
    return Origin(f"rec_{number:032x}", number, "response", f"team-{number % 50}", "", "use.product", "allow", "responses", "gpt-5")


def _per_call(call: Callable[[bytes], object], keys: list[bytes]) -> float:
    """Median over the rounds, µs per call."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for key in keys:
            call(key)
        rounds.append((time.perf_counter() - begun) / len(keys) * 1e6)
    return statistics.median(rounds)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("objects", nargs="?", type=int, default=100_000)
    objects = parser.parse_args().objects
    with tempfile.TemporaryDirectory() as folder:
        writer = IndexWriter.create(Path(folder), objects)
        begun = time.perf_counter()
        for number in range(objects):
            writer.put(reference_key(_KEY, "openai", _ref(number)), _origin(number))
        put = (time.perf_counter() - begun) / objects * 1e6
        writer.publish()
        on_disk = (Path(folder) / FILE_NAME).stat().st_blocks * 512
        chance = random.Random(1)
        numbers = [chance.randrange(objects) for _ in range(_SAMPLE)]
        keys = [reference_key(_KEY, "openai", _ref(number)) for number in numbers]
        misses = [reference_key(_KEY, "openai", _ref(number + objects)) for number in numbers]
        recent = Recent()
        for key, number in zip(keys, numbers, strict=True):
            recent.remember(key, _origin(number))
        reader = IndexReader(Path(folder))
        before = _resident()
        found, missed = _per_call(reader.find, keys), _per_call(reader.find, misses)
        grown = _resident() - before
        assert reader.found == ROUNDS * len(keys)
        print(f"objects                  {objects}")
        print(f"key                      {_per_call(lambda _: reference_key(_KEY, 'openai', _ref(7)), keys):.2f} µs")
        print(f"found, just made here    {_per_call(recent.find, keys[-1000:]):.2f} µs")
        print(f"found in the file        {found:.2f} µs")
        print(f"miss                     {missed:.2f} µs")
        print(f"put (control)            {put:.2f} µs")
        taken = writer.entries / writer.shape.slots
        print(f"on disk                  {on_disk / objects:.0f} bytes an object, {taken:.0%} of the places taken")
        print(f"memory of the reader     {grown / 1024:+.0f} KiB")


if __name__ == "__main__":
    main()
