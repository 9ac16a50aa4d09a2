"""The lines of a carrier on their way into the spool."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.core.facts import RequestFacts
from proxy.ledger.lines import LineWriter
from proxy.ledger.record import Line
from tests.torture.fault_disk import FaultDisk
from tests.torture.ledger_load import filled, line_of
from tests.unit.ledger.ledger_parts import begin, end, killed, read, recorder_in, restarted, wrong
from tests.waiting import until

BODY = b'{"a":1}\n{"b":22}\n'
PLACES = ((0, 7), (8, 8))


def lines_of(carrier: str, writer: LineWriter) -> list[Line]:
    """Evidence of the lines of BODY."""
    return [
        line_of(carrier, writer, number, offset, BODY[offset : offset + length]) for number, (offset, length) in enumerate(PLACES)
    ]


@pytest.mark.parametrize("spooled", [True, False])
async def test_lines_stand_before_their_carrier_and_open_from_its_content(tmp_path: Path, spooled: bool) -> None:
    """With the carrier's salt and bytes alone, whether or not the body went ahead in pieces; the oracle agrees."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    if spooled:
        await filled(stream.request_piece(BODY))
    writer = recorder.lines(stream)
    await filled(writer.write(lines_of(stream.id, writer)))
    assert writer.unsynced == 0
    asked.facts = RequestFacts(lines=2)
    await filled(stream.intent(asked, b"" if spooled else BODY))
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    assert not wrong(tmp_path, BODY)
    assert [entry.number for entry, _ in read(tmp_path).entries if isinstance(entry, Line)] == [0, 1]


async def test_the_oracle_misses_a_line(tmp_path: Path) -> None:
    """A carrier that says it has more lines than were written, or a line of other bytes, is found out."""
    recorder = recorder_in(tmp_path)
    stream, asked = begin(recorder)
    writer = recorder.lines(stream)
    first, second = lines_of(stream.id, writer)
    second.offset -= 1
    await filled(writer.write([first, second]))
    asked.facts = RequestFacts(lines=3)
    await filled(stream.intent(asked, BODY))
    await filled(stream.outcome(end(stream)))
    await recorder.close()
    found = wrong(tmp_path, BODY)
    assert any("2 lines, 3 were sent" in each for each in found)
    assert any("not those that were committed to" in each for each in found)


async def test_a_carrier_whose_lines_the_disk_refused_cannot_go(tmp_path: Path) -> None:
    """The lines fail, every later one too, and so does the intent, though the disk takes entries again."""
    disk = FaultDisk()
    recorder = recorder_in(tmp_path, disk=disk)
    stream, asked = begin(recorder)
    writer = recorder.lines(stream)
    disk.fall_ill("EIO")
    with pytest.raises(LedgerUnavailableError):
        await filled(writer.write(lines_of(stream.id, writer)))
    disk.heal()
    await until(lambda: not recorder.blocked)  # the spool's thread looks again
    with pytest.raises(LedgerUnavailableError):
        await filled(writer.write(lines_of(stream.id, writer)))
    with pytest.raises(LedgerUnavailableError):
        await filled(stream.intent(asked, BODY))
    await recorder.close()


async def test_lines_without_a_carrier_need_nothing_after_a_crash(tmp_path: Path) -> None:
    """Recorded, never sent: they stay, nobody gets an outcome, and the epoch is closed."""
    recorder = recorder_in(tmp_path)
    stream, _ = begin(recorder)
    writer = recorder.lines(stream)
    await filled(writer.write(lines_of(stream.id, writer)))
    await killed(recorder)
    await restarted(tmp_path)
    assert not wrong(tmp_path)
    entries = [entry for entry, _ in read(tmp_path).entries]
    assert sum(isinstance(entry, Line) for entry in entries) == 2
    assert not [entry for entry in entries if entry.__class__.__name__ == "Outcome"]
