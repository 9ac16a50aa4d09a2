"""The index file: what is put in is found, by readers that were there before, after it grew and after its writer died."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from proxy.core.references import Origin, reference_key, subkey
from proxy.ledger import reference_index
from proxy.ledger.reference_index import HEADER_BYTES, IndexFullError, IndexReader, IndexWriter, parse_header

KEY = subkey(b"k" * 32)


def origin(number: int, **changes: object) -> Origin:
    """Where object `number` comes from."""
    made = Origin(f"rec_{number:032x}", 1000 + number, "response", "alice", "", "use.product", "allow", "responses", "m-1")
    return msgspec.structs.replace(made, **changes)


def key(number: int) -> bytes:
    """The key of object `number`."""
    return reference_key(KEY, "openai", f"response:resp_{number}")


def published(folder: Path, count: int) -> IndexWriter:
    """An index of `count` objects."""
    writer = IndexWriter.create(folder, count)
    for number in range(count):
        writer.put(key(number), origin(number))
    writer.publish()
    return writer


def test_what_is_published_is_found(tmp_path: Path) -> None:
    """Every object is found with all that is known of it, an unknown one is not, and nothing is found before there is a file."""
    reader = IndexReader(tmp_path)
    assert reader.find(key(1)) is None
    published(tmp_path, 3000)
    assert [reader.find(key(number)) for number in range(3000)] == [origin(number) for number in range(3000)]
    assert reader.find(key(3000)) is None
    assert (reader.sought, reader.found) == (3002, 3000)


def test_entries_are_seen_as_they_come(tmp_path: Path) -> None:
    """A reader needs no sign to see what is put into the published file, nor that a verdict became stricter."""
    writer, reader = published(tmp_path, 1), IndexReader(tmp_path)
    assert reader.find(key(0)) == origin(0)
    writer.put(key(1), origin(1))
    writer.put(key(0), origin(0, verdict="forbid"))
    assert reader.find(key(1)) == origin(1)
    assert reader.find(key(0)) == origin(0, verdict="forbid")
    assert writer.entries == 2


def test_a_larger_file_takes_the_place(tmp_path: Path) -> None:
    """A full file says so; a reader of the old one finds in the new one what the old one has not."""
    writer, reader = published(tmp_path, 1), IndexReader(tmp_path)
    assert reader.find(key(0)) == origin(0)
    for number in range(reference_index.LEAST_SLOTS * 3 // 4):
        writer.put(key(number), origin(number))
    with pytest.raises(IndexFullError):
        writer.put(key(6000), origin(6000))
    writer.put(key(0), origin(0, verdict="review"))
    published(tmp_path, 6000)
    assert reader.find(key(5999)) == origin(5999)


def test_profiles_are_bounded(tmp_path: Path) -> None:
    """A file whose room for profiles is used up is full as well."""
    writer = IndexWriter.create(tmp_path, 1)
    long = "p" * 400_000
    writer.put(key(0), origin(0, principal=long))
    writer.put(key(1), origin(1, principal=long + "1"))
    with pytest.raises(IndexFullError):
        writer.put(key(2), origin(2, principal=long + "2"))
    writer.put(key(2), origin(2, principal=long))
    writer.publish()
    assert IndexReader(tmp_path).find(key(2)) == origin(2, principal=long)


def test_a_writer_goes_on_where_one_was_killed(tmp_path: Path) -> None:
    """The next writer of the same run of the machine knows how far the file goes, and what is in it."""
    writer = published(tmp_path, 10)
    writer.reached(77)
    again = IndexWriter.resume(tmp_path)
    assert again is not None
    assert (again.stamp, again.entries) == (77, 10)
    again.put(key(3), origin(3))
    again.put(key(10), origin(10))
    assert again.entries == 11
    assert IndexReader(tmp_path).find(key(10)) == origin(10)


def test_a_file_of_another_run_is_not_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut nobody knows what of a file is there: it is read, and made anew."""
    assert IndexWriter.resume(tmp_path) is None
    published(tmp_path, 1)
    monkeypatch.setattr(reference_index, "boot_id", lambda: "another")
    assert IndexWriter.resume(tmp_path) is None
    assert IndexReader(tmp_path).find(key(0)) == origin(0)
    monkeypatch.setattr(reference_index, "boot_id", lambda: "")
    assert IndexWriter.resume(tmp_path) is None


def test_a_file_that_is_none_is_left_alone(tmp_path: Path) -> None:
    """A later format, damage or a failing disk: nothing is found, nothing breaks, and what was open stays."""
    published(tmp_path, 1)
    reader = IndexReader(tmp_path)
    assert reader.find(key(0)) == origin(0)
    header = (tmp_path / "index").read_bytes()[:HEADER_BYTES]
    assert parse_header(header) is not None
    assert parse_header(b"TPREF002" + header[8:]) is None
    assert parse_header(b"") is None
    other = tmp_path / "other"
    other.write_bytes(b"TPREF002" + header[8:])
    other.replace(tmp_path / "index")
    assert reader.find(key(1)) is None
    assert reader.find(key(0)) == origin(0)
    assert IndexReader(tmp_path).find(key(0)) is None
    os.close(reader._fd)
    assert reader.find(key(0)) is None
