"""Entries of an array inside of a JSON body."""

import hashlib

import pytest

from proxy.dialects.entries import BATCH, REQUESTS, SKELETON_LIMIT, EntryReader
from proxy.dialects.jsonio import StrictJSONError, inspect_json


def read(raw: bytes, paths: frozenset[tuple[str, ...]] = REQUESTS) -> tuple[list[bytes | None], EntryReader]:
    """All entries and the reader."""
    reader = EntryReader(lambda _: hashlib.sha256(), paths)
    reader.feed(raw)
    found = []
    while (entry := reader.next()) is not None:
        found.append(entry.content)
    if (entry := reader.finish()) is not None:
        found.append(entry.content)
    return found, reader


def test_entries_are_found_at_their_path_alone() -> None:
    """Gemini's batch holds them four keys deep, under either spelling."""
    raw = b'{"requests":[0],"batch":{"inputConfig":{"requests":{"requests":[{"a":"]"}, 2 ]}}}}'
    entries, reader = read(raw, BATCH)
    assert entries == [b'{"a":"]"}', b"2 "]
    assert reader.skeleton == b'{"requests":[0],"batch":{"inputConfig":{"requests":{"requests":[]}}}}'


@pytest.mark.parametrize("raw", [b'{"requests":[1],"requests":[2]}', b'{"requests":[1],"r\\u0065quests":[2]}'])
def test_an_array_that_is_there_twice_shows_in_the_skeleton(raw: bytes) -> None:
    """Both are read, and whoever inspects the skeleton finds the key twice, however it is spelt."""
    entries, reader = read(raw)
    assert entries == [b"1", b"2"]
    with pytest.raises(StrictJSONError):
        inspect_json(reader.skeleton or b"")


@pytest.mark.parametrize(
    "raw", [b'{"requests":[1,]}', b'{"requests":[,1]}', b'{"requests":[{}{}]}', b'{"requests":[{}', b'{"requests":[{']
)
def test_an_array_that_is_none_is_not_sound(raw: bytes) -> None:
    """Too many commas, too few, no end."""
    assert not read(raw)[1].sound


def test_a_skeleton_without_end_is_given_up() -> None:
    """Something else than a batch came: it is not kept."""
    assert read(b'{"x":"' + b"a" * (SKELETON_LIMIT + 1) + b'","requests":[]}')[1].skeleton is None
