"""The index file against a dict, while it is written, and with its writer killed or the power cut at any byte."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core.references import Origin
from proxy.ledger import reference_index
from proxy.ledger.reference_index import IndexReader, IndexWriter

_keys = st.builds(lambda bucket, name: bytes([bucket]) + bytes(7) + name, st.integers(0, 2), st.binary(min_size=8, max_size=8))
"""Few buckets, so that they overflow into each other."""
_origins = st.builds(
    Origin,
    st.binary(min_size=16, max_size=16).map(lambda record: "rec_" + record.hex()),
    st.integers(0, 2**63),
    st.sampled_from(["response", "file"]),
    st.text(max_size=8),
    st.just(""),
    st.just("use.product"),
    st.sampled_from(["allow", "review", "forbid"]),
    st.just("responses"),
    st.just("m"),
)
_writes = st.lists(st.tuples(_keys, _origins), min_size=1, max_size=60)

Put = tuple[bytes, Origin]
Pwrite = Callable[[int, bytes, int], int]


class KilledError(Exception):
    """The writer is no more."""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of an example's own."""
    path = tempfile.mkdtemp()
    try:
        yield Path(path)
    finally:
        shutil.rmtree(path)


@contextmanager
def writing_by(pwrite: Pwrite) -> Iterator[None]:
    """Every write of the index goes through `pwrite`."""

    class Calls:
        def __getattr__(self, name: str) -> Any:
            return pwrite if name == "pwrite" else getattr(os, name)

    reference_index.os = Calls()  # type: ignore[assignment]
    try:
        yield
    finally:
        reference_index.os = os  # type: ignore[attr-defined]


def wrong(reader: IndexReader, model: dict[bytes, Origin], under_way: Put | None = None) -> list[str]:
    """Objects that are not found as the model has them; of the one that is being written also nothing or the new is right."""
    bad = []
    for key, origin in model.items():
        right = [origin] if under_way is None or under_way[0] != key else [origin, under_way[1], None]
        if (found := reader.find(key)) not in right:
            bad.append(f"{key.hex()}: {found} instead of {right}")
    if under_way is not None and under_way[0] not in model and (found := reader.find(under_way[0])) not in (None, under_way[1]):
        bad.append(f"{under_way[0].hex()}: {found} is neither nothing nor {under_way[1]}")
    return bad


@settings(max_examples=30)
@given(_writes)
def test_it_is_a_dict_at_every_moment(writes: list[Put]) -> None:
    """After each single write a reader finds every object as it was last put, and the one under way whole or not at all."""
    with folder() as path:
        writer = IndexWriter.create(path, 1)
        writer.publish()
        reader, model = IndexReader(path), dict[bytes, Origin]()
        for put in writes:

            def watched(fd: int, content: bytes, offset: int, put: Put = put) -> int:
                written = os.pwrite(fd, content, offset)
                assert not wrong(reader, model, put)
                return written

            with writing_by(watched):
                writer.put(*put)
            model[put[0]] = put[1]
            assert not wrong(reader, model)
        assert writer.entries == len(model)


@settings(max_examples=60)
@given(_writes, st.integers(0, 4000))
def test_a_writer_may_be_killed_at_any_byte(writes: list[Put], left: int) -> None:
    """What was put before is found, the object under way is whole or not there, and the next writer mends it."""
    with folder() as path:
        writer = IndexWriter.create(path, 1)
        writer.publish()
        model = dict[bytes, Origin]()
        under_way: Put | None = None

        def killed(fd: int, content: bytes, offset: int) -> int:
            nonlocal left
            os.pwrite(fd, content[: max(left, 0)], offset)
            left -= len(content)
            if left < 0:
                raise KilledError
            return len(content)

        with writing_by(killed):
            try:
                for put in writes:
                    under_way = put
                    writer.put(*put)
                    model[put[0]] = put[1]
                    under_way = None
            except KilledError:
                pass
        assert not wrong(IndexReader(path), model, under_way)
        again = IndexWriter.resume(path)
        assert again is not None
        for put in writes:
            again.put(*put)
        assert not wrong(IndexReader(path), dict(writes))


def _cut(writes: list[Put], kept: list[int]) -> list[str]:
    """What is wrong after a power cut that kept of each write only the first so many bytes."""
    with folder() as path:
        writer = IndexWriter.create(path, 1)
        writer.publish()
        lost = iter(kept * 100)

        def torn(fd: int, content: bytes, offset: int) -> int:
            os.pwrite(fd, content[: next(lost)], offset)
            return len(content)

        with writing_by(torn):
            for put in writes:
                writer.put(*put)
        reader = IndexReader(path)
        given: dict[bytes, list[Origin]] = {}
        for key, origin in writes:
            given.setdefault(key, []).append(origin)
        found = {key: reader.find(key) for key in given}
        return [f"{key.hex()}: {one}" for key, one in found.items() if one is not None and one not in given[key]]


_kept = st.lists(st.integers(0, 150), min_size=1, max_size=12)


@settings(max_examples=60)
@given(_writes, _kept)
def test_a_power_cut_leaves_nothing_false(writes: list[Put], kept: list[int]) -> None:
    """Whatever part of each write survived, an object is found as it was put once, or not at all."""
    assert not _cut(writes, kept)


def test_without_checksums_a_power_cut_would_be_believed() -> None:
    """An index whose places are not checked is found out by the same examination."""
    origin = Origin("rec_" + "ab" * 16, 1, "file", "alice", "", "use.product", "forbid", "files", "m")
    writes = [(bytes(16), origin)]
    assert not _cut(writes, [200, 8, 20, 8, 8])
    checked = reference_index._last_word
    reference_index._last_word = lambda _place, profile: 1 << 32 | profile
    try:
        assert _cut(writes, [200, 8, 20, 8, 8])
    finally:
        reference_index._last_word = checked
