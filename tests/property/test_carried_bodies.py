"""Forms, lines and entries read the same however the bytes are cut, and what is read is what stands there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.entries import REQUESTS, EntryReader
from proxy.dialects.lines import Carried, CarriedReader, LineReader
from proxy.dialects.multipart import FormReader
from proxy.dialects.related import RelatedReader

FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
CUTS = st.lists(st.integers(1, 9), max_size=60)
EDITS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 3),
        st.sampled_from([b"", b"\r\n--b", b"--", b"\r", b"\n", b" ", b'"', b"\\", b"[", b"]", b"{", b"}", b",", b"\r\n\r\n"]),
    ),
    max_size=3,
)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.sampled_from(['\\"', "]}", "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["requests", "a", '"']), inner, max_size=3),
    max_leaves=6,
)


def edited(raw: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Some bytes replaced."""
    for place, taken, put in edits:
        at = place % (len(raw) + 1)
        raw = raw[:at] + put + raw[at + taken :]
    return raw


def in_pieces(raw: bytes, cuts: list[int]) -> list[bytes]:
    """Cut up; what is left over is the last piece."""
    pieces = []
    for size in cuts:
        pieces.append(raw[:size])
        raw = raw[size:]
    return [*pieces, raw]


def begin(number: int) -> Any:
    """A digest that depends on the line's number."""
    return hashlib.sha256(b"%d" % number)


def read(reader: CarriedReader, pieces: list[bytes]) -> list[tuple[int, int, int, bytes | None, str]]:
    """Every line as plain values."""
    found: list[Carried] = []
    for piece in pieces:
        reader.feed(piece)
        while (line := reader.next()) is not None:
            found.append(line)
    if (line := reader.finish()) is not None:
        found.append(line)
    return [
        (
            each.number,
            each.offset,
            each.length,
            each.content or b"".join(each.parts) or None,
            each.digest.hexdigest() if each.digest else "",
        )
        for each in found
    ]


def check_places(raw: bytes, found: list[tuple[int, int, int, bytes | None, str]]) -> None:
    """Each line holds the bytes of its place, or their digest."""
    for expected, (number, offset, length, content, digest) in enumerate(found):
        assert number == expected
        there = raw[offset : offset + length]
        assert content == there or (content is None and digest)
        assert not digest or digest == hashlib.sha256(b"%d" % number + there).hexdigest()


def check_splits(make: Callable[[], Any], raw: bytes, cuts: list[int]) -> Any:
    """The reader of the whole, once cutting has made no difference."""
    whole, cut = make(), make()
    found = read(whole, [raw])
    assert read(cut, in_pieces(raw, cuts)) == found
    check_places(raw, found)
    return whole, cut, found


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=12)), max_size=4), EDITS, CUTS)
def test_a_form_reads_the_same_however_it_is_cut(parts: list[tuple[bool, bytes]], edits: list[Any], cuts: list[int]) -> None:
    """Tree and places of files depend on the bytes alone; an untouched form gives each file's bytes."""
    raw = b"".join(PART % (b"n%d" % at, b'; filename="f"' if file else b"", value) for at, (file, value) in enumerate(parts))
    raw = edited(raw + b"--b--\r\n", edits)
    whole, cut = FormReader(FORM), FormReader(FORM)
    related, related_cut = RelatedReader(FORM), RelatedReader(FORM)
    whole.feed(raw)
    related.feed(raw)
    for piece in in_pieces(raw, cuts):
        cut.feed(piece)
        related_cut.feed(piece)
    assert whole.tree == cut.tree
    assert (related.tree, related.media, related.media_type) == (related_cut.tree, related_cut.media, related_cut.media_type)
    if whole.tree is None:
        return
    assert whole.files == cut.files
    if not edits and all(b"\r\n--b" not in b"\r\n" + value for _, value in parts):
        assert [raw[file.offset : file.offset + file.length] for file in whole.files] == [value for file, value in parts if file]


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b" ", b"{}", b"abc", b"\r", b'"x"']), max_size=14), CUTS, st.integers(1, 6))
def test_lines_are_the_same_however_they_are_cut(tokens: list[bytes], cuts: list[int], longest: int) -> None:
    """Every line that is not blank is found, at its place."""
    raw = b"".join(tokens)
    with patch("proxy.dialects.lines.WHOLE", longest // 2):  # so that some lines come in parts
        _, _, found = check_splits(lambda: LineReader(begin, longest=longest), raw, cuts)
    wanted = [line.lstrip(b" \t\r\n").removesuffix(b"\r") for line in raw.split(b"\n") if line.lstrip(b" \t\r\n")]
    assert [raw[offset : offset + length] for _, offset, length, _, _ in found] == wanted


@given(st.lists(VALUES, max_size=4), VALUES, EDITS, CUTS, st.sampled_from([4, 1 << 20]), st.booleans())
def test_entries_are_the_same_however_they_are_cut(
    entries: list[Any], other: Any, edits: list[Any], cuts: list[int], longest: int, spaced: bool
) -> None:
    """Entries and skeleton depend on the bytes alone, and together are the body."""
    body = {"x": other, "requests": entries, "y": {"requests": [other]}}
    raw = edited(json.dumps(body, indent=1 if spaced else None, ensure_ascii=spaced).encode(), edits)
    with patch("proxy.dialects.lines.WHOLE", longest // 2):
        whole, cut, found = check_splits(lambda: EntryReader(begin, REQUESTS, longest=longest), raw, cuts)
    assert (whole.skeleton, whole.sound) == (cut.skeleton, cut.sound)
    if not edits:
        assert whole.sound
        assert [json.loads(raw[offset : offset + length]) for _, offset, length, _, _ in found] == entries
        assert json.loads(whole.skeleton) == body | {"requests": []}
