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
        SAID.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n") + MEDIA + b"--b--",
        (SAID + MEDIA + b"--b--").replace(b"\r\n", b"\n"),
        SAID.replace(b"}}", b"}}\n--b\nContent-Type: application/jsonl\n\n{}\n--b--\n") + MEDIA + b"--b--",
        SAID + MEDIA.replace(b"3", b"\r--b\r") + b"--b--",
        SAID + MEDIA + b"--b--\n--b\n",
        b"\n" + SAID + MEDIA + b"--b--",
        b"",
    ],
)
def test_what_could_be_read_otherwise_has_no_file(raw: bytes) -> None:
    """One part, no end, three parts, bytes that stand for others, other ends of lines (all, or a delimiter's), nothing at all;
    however the bytes are cut.
    """
    assert [read(raw, size).media for size in (1, 2, 3, 5, 9, 1000)] == [None] * 6
    assert read(raw, 9).metadata is None


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Type: image/png\r\ncontent-type: application/jsonl",
        b"Content-Type: image/png\r\nContent-Transfer-Encoding:\r\n base64",
        b"Content-Type: image/png;\r\n\tx=y",
        b"Content-Type: image/png\n\n{}",
        b"Content-Type: image/png\rContent-Type: application/jsonl",
        b"Content-Type : application/jsonl",
        b"application/jsonl",
    ],
)
def test_header_fields_that_readers_take_differently_make_it_unreadable(fields: bytes) -> None:
    """Repeated, folded, behind a bare end of a line, or no field: the file may have another type, another encoding or beginning."""
    raw = SAID + b"--b\r\n" + fields + b"\r\n\r\n12345\r\n--b--"
    assert (read(raw, 9).tree, read(raw, 9).media) == (None, None)


def test_line_feeds_and_boundaries_apart_from_each_other_are_content() -> None:
    """Only a delimiter on a line of its own could be another's; a part need have no header fields."""
    raw = SAID + b"--b\r\n\r\n{}\n{}\n --b\n-b\r\n--b--\n"
    assert read(raw, 4).media == FilePart("media", raw.index(b"{}\n"), 13)


@pytest.mark.parametrize(("said", "read_as"), [(b'{"a":1}', '{"a":1}'), (b"{%b}" % (b" " * 300_000), None), (b'{"\xff":1}', None)])
def test_metadata_are_a_text_that_was_read(said: bytes, read_as: str | None) -> None:
    """Of long ones only the size is left, and what is no UTF-8 is none; the file stands where it stands."""
    raw = SAID.replace(b'{"file":{}}', said) + MEDIA + b"--b--"
    reader = read(raw, 60_000)
    assert reader.media == FilePart("media", raw.index(b"12345"), 5)
    assert reader.metadata == read_as


def test_metadata_say_the_type_inside_of_the_file_or_without_it() -> None:
    """In both spellings of proto3; anything else says nothing."""
    assert types_of({"file": {"mime_type": "a", "mimeType": 1}, "mimeType": "b"}) == ["b", "a"]
    assert types_of([]) == types_of({"file": "x"}) == []
    assert is_related("Multipart/Related; x")
    assert not is_related("text/multipart")
