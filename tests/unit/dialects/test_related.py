"""Metadata and a file in one body."""

from __future__ import annotations

import pytest

from proxy.dialects.multipart import FilePart
from proxy.dialects.related import RelatedReader, is_related, types_of

TYPE = "multipart/related; boundary=b"
SAID = b'--b\r\nContent-Type: application/json\r\n\r\n{"file":{}}\r\n'
MEDIA = b"--b\r\nContent-Type: Text/JSONL; charset=utf-8\r\n\r\n12345\r\n"


def read(raw: bytes, size: int) -> RelatedReader:
    """What is made of a body that comes in pieces."""
    reader = RelatedReader(TYPE)
    for at in range(0, len(raw), size):
        reader.feed(raw[at : at + size])
    return reader


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_second_part_is_the_file(size: int) -> None:
    """Whatever the parts are called, and however the bytes are cut."""
    raw = SAID + MEDIA + b"--b--\r\n"
    reader = read(raw, size)
    assert reader.tree == {"metadata": '{"file":{}}', "media": {"bytes": 5}}
    assert reader.media == FilePart("media", raw.index(b"12345"), 5)
    assert reader.media_type == "Text/JSONL; charset=utf-8"


@pytest.mark.parametrize(
    "raw",
    [
        SAID + b"--b--",
        SAID + MEDIA,
        SAID + MEDIA + MEDIA + b"--b--",
        SAID + b"--b\r\nContent-Type: x/y\r\nContent-Transfer-Encoding: base64\r\n\r\nMTIz\r\n--b--",
        (SAID + MEDIA + b"--b--").replace(b"\r\n", b"\n"),
        b"",
    ],
)
def test_what_could_be_read_otherwise_has_no_file(raw: bytes) -> None:
    """One part, no end, three parts, bytes that stand for others, other ends of lines, nothing at all."""
    assert read(raw, 9).media is None


def test_long_metadata_leave_only_their_size() -> None:
    """They are a file themselves then, and the file is found all the same."""
    raw = SAID.replace(b"{}", b" " * 300_000) + MEDIA + b"--b--"
    assert read(raw, 60_000).media == FilePart("media", raw.index(b"12345"), 5)


def test_metadata_say_the_type_inside_of_the_file_or_without_it() -> None:
    """In both spellings of proto3; anything else says nothing."""
    assert types_of({"file": {"mime_type": "a", "mimeType": 1}, "mimeType": "b"}) == ["b", "a"]
    assert types_of([]) == types_of({"file": "x"}) == []
    assert is_related("Multipart/Related; x")
    assert not is_related("text/multipart")
