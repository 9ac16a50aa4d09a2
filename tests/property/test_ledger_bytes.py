"""Whatever is written reads back, and whatever happens to the bytes is noticed."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core.errors import TosProxyError
from proxy.ledger import opening, reader, segments
from proxy.ledger.keyring import Keys
from proxy.ledger.pieces import Piece
from proxy.ledger.reader import Cursor, EpochAt, Fault
from proxy.ledger.record import Intent, Outcome
from proxy.ledger.secrets import load
from proxy.ledger.segments import HEADER_BYTES
from tests.ledger_oracle import frames
from tests.torture.ledger_load import filled
from tests.unit.ledger.ledger_parts import begin, end, exchange, read, recorder_in, wrong

_kinds = st.sampled_from([segments.INTENT, segments.OUTCOME, segments.REFUSAL, segments.MARK, segments.BODY, segments.TICK])


@given(
    _kinds,
    st.booleans(),
    st.integers(0, 127),
    st.integers(0, 65535),
    st.integers(1, 2**64 - 1),
    st.binary(),
    st.binary(),
    st.binary(),
)
def test_a_frame_reads_back_from_anywhere(
    kind: int, earlier: bool, commit: int, before: int, number: int, evidence: bytes, content: bytes, around: bytes
) -> None:
    """Every field comes back, whatever stands before and after it."""
    seq = number if kind in segments.ENTRIES else 0
    packed = b"".join(segments.pack_frame(kind, commit << 1 | earlier, before, seq, number, evidence, content))
    whole = around + packed + around
    frame = segments.parse_frame(whole, len(around), len(whole))
    assert frame is not None
    assert frame[:8] == (kind, int(earlier), seq, number, commit, before, evidence, content)
    assert (frame.offset, frame.end, whole[frame.content_offset : frame.end]) == (len(around), len(around) + len(packed), content)


@given(st.binary(max_size=300), st.integers(0, 100))
def test_no_bytes_upset_the_parser(content: bytes, offset: int) -> None:
    """Anything is a sound frame or none."""
    segments.parse_frame(content, offset, len(content))
    segments.next_sound(segments.FRAME_MAGIC + content, 0, len(content) + 4)
    segments.parse_header(content)


def _epoch(folder: Path) -> EpochAt:
    async def fill() -> None:
        recorder = recorder_in(folder)
        for number in range(8):
            await exchange(recorder, b"%d" % number * 50)
        await recorder.close()

    asyncio.run(fill())
    return reader.epochs(folder / "spool")[0]


@cache
def _closed() -> tuple[Path, EpochAt, bytes]:
    """A closed epoch that all examples share; who changes its segment puts it back."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    epoch = _epoch(folder)
    return folder, epoch, (epoch.folder / "00000001.seg").read_bytes()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)),
        min_size=1,
        max_size=5,
        unique_by=lambda flip: int(flip[0] * 1_000_000),
    ),
    st.integers(0, 400),
)
def test_corruption_of_a_closed_epoch_is_a_fault_and_never_a_false_entry(flips: list[tuple[float, int]], cut: int) -> None:
    """Bytes changed anywhere, the end cut off: what is still shown is exactly what was written, the rest is told."""
    _, epoch, whole = _closed()
    path = epoch.folder / "00000001.seg"
    written = {frame.seq: frame.evidence for frame in frames(epoch) if frame.seq}
    content = bytearray(whole)
    for share, change in flips:
        content[HEADER_BYTES + int(share * (len(whole) - HEADER_BYTES))] ^= change
    faults: list[tuple[EpochAt, Fault]] = []
    try:
        path.write_bytes(content[: len(content) - cut])
        shown = {frame.seq: frame.evidence for frame in frames(epoch, faults) if frame.seq}
    finally:
        path.write_bytes(whole)
    assert faults or content == whole
    assert shown.items() <= written.items()


@settings(max_examples=25, deadline=None)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=2000), max_size=4),
    body=st.binary(max_size=300),
    sent=st.none() | st.binary(max_size=300),
    answer=st.lists(st.binary(min_size=1, max_size=400), max_size=6),
    waits=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_any_exchange_opens_to_what_was_said(
    pieces: list[bytes], body: bytes, sent: bytes | None, answer: list[bytes], waits: list[bool]
) -> None:
    """However a body came and an answer was ticked, both open whole."""

    async def one(folder: Path) -> str:
        recorder = recorder_in(folder, tick_seconds=0.001)
        stream, asked = begin(recorder)
        for piece in pieces:
            stream.request_piece(piece)
        await filled(stream.intent(asked, body, sent))
        for piece, wait in zip(answer, waits, strict=False):
            stream.answer(piece)
            if wait:
                await asyncio.sleep(0.002)
        await filled(stream.outcome(end(stream)))
        await recorder.close()
        return stream.id

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record = asyncio.run(one(folder))
        ledger, cipher = read(folder), Keys(folder, load(folder).master).cipher
        ahead = ledger.pieces.get(record, [])
        (intent, question), *_ = ledger.of(Intent)
        (outcome, rest), *_ = ledger.of(Outcome)
        assert isinstance(intent, Intent)
        assert isinstance(outcome, Outcome)
        opened = opening.question(intent, question, ahead, cipher)
        assert (opened.received, opened.sent) == (b"".join(pieces) + body, sent)
        assert opening.answer(outcome, rest, ahead, cipher) == b"".join(answer)
        assert not wrong(folder, b"".join(pieces) + body if sent is None else sent)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 59), st.integers(1, 255))
def test_a_changed_content_part_never_opens(body: bytes, place: int, change: int) -> None:
    """Sealed bytes that were changed, or put beside another entry, raise."""
    folder, _, _ = _closed()
    (entry, part), *_ = read(folder).of(Intent)
    cipher = Keys(folder, load(folder).master).cipher
    assert isinstance(entry, Intent)
    changed = bytearray(part)
    changed[place % len(part)] ^= change
    for wrong_part in (bytes(changed), body, b""):
        try:
            opening.question(entry, wrong_part, list[Piece](), cipher)
        except TosProxyError:
            continue
        raise AssertionError("opened")


def test_a_cursor_survives_its_own_encoding() -> None:
    """Shippers keep it as JSON."""
    cursor = Cursor(3, 4096, 77, 12, 5)
    assert msgspec.json.decode(msgspec.json.encode(cursor), type=Cursor) == cursor
