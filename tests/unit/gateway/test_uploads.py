"""Files that come in parts, through the whole gateway in memory: every line is read, judged and recorded, wherever it is cut."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.core.clock import SystemClock
from proxy.core.references import subkey
from proxy.dialects.parts import Fragment, PartReader
from proxy.gateway.corridor import Corridor
from proxy.gateway.references import References
from proxy.gateway.uploads import Uploads
from proxy.ledger.record import Line, Piece
from proxy.ledger.shelf import Shelf
from tests.unit.gateway.stage import IDENTITY_KEY, KEYED, Stage, post, status_of, told_error, whole
from tests.unit.gateway.test_carrier import FORM, Choosy, call
from tests.unit.gateway.test_references import Published
from tests.unit.wire.faked import FakeTransport

JSON = (*KEYED, b"Content-Type: application/json")


class Room:
    """A gateway, and what a client and the provider say of one upload. `fragments`: bytes that are kept of what is cut."""

    def __init__(
        self,
        purpose: str = "batch",
        *,
        begun: bool = True,
        fragments: int = 1 << 20,
        shelf: Shelf | None = None,
        content: str = "full",
    ) -> None:
        self.known = References(subkey(IDENTITY_KEY), Published(), shelf)
        self.known.uploads = Uploads(fragments, shelf)
        corridor: Any = partial(Corridor, references=self.known)
        self.stage = Stage(corridor=corridor, ledger={"content": content})
        self.bodies: dict[str, bytes] = {}
        self.skipped: set[int] = set()
        if begun:
            asked = {"purpose": purpose, "filename": "f.jsonl", "bytes": 1, "mime_type": "application/jsonl"}
            self.ask(b"/openai/v1/uploads", json.dumps(asked).encode(), {"id": "upload_1", "object": "upload"})

    def ask(self, path: bytes, body: bytes, answer: dict[str, Any], fields: tuple[bytes, ...] = JSON) -> FakeTransport:
        """One exchange, answered if it went upstream."""
        before = len(self.stage.sent)
        client = self.stage.client(post(path, body, *fields))
        if len(self.stage.sent) > before:
            self.bodies[self.stage.entries("intent")[-1].id] = body
            self.stage.upstream.feed(whole(json.dumps(answer).encode(), b"Content-Type: application/json"))
        return client

    def part(self, name: str, content: bytes) -> FakeTransport:
        """A part, and the name that the provider gives it."""
        head = b'--b\r\nContent-Disposition: form-data; name="data"; filename="p"\r\n\r\n'
        body = head + content + b"\r\n--b--\r\n"
        return self.ask(b"/openai/v1/uploads/upload_1/parts", body, {"id": name, "object": "upload.part"}, FORM)

    def complete(self, *names: str) -> FakeTransport:
        """The end of it."""
        answer = {"id": "upload_1", "object": "upload", "file": {"id": "file-1"}}
        return self.ask(b"/openai/v1/uploads/upload_1/complete", json.dumps({"part_ids": names}).encode(), answer)

    @property
    def lines(self) -> list[Line]:
        """What was recorded."""
        return [line for line in self.stage.entries("line") if isinstance(line, Line)]

    def text(self, line: Line) -> bytes:
        """The bytes of a line, from the bodies of the records that it names."""
        pieces = line.pieces or (Piece(line.carrier, line.offset, line.length),)
        return b"".join(self.bodies[piece.id][piece.offset : piece.offset + piece.length] for piece in pieces)


def halves(count: int = 6, middle: int = 700) -> tuple[list[bytes], list[bytes]]:
    """Lines, and the file of them in three parts, cut within lines."""
    lines = [call(number, text="x" * 100) for number in range(count)]
    content = b"\n".join(lines) + b"\n"
    return lines, [content[:300], content[300 : 300 + middle], content[300 + middle :]]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_lines_that_are_cut_are_joined_in_the_order_that_completes_the_file(order: tuple[int, ...]) -> None:
    """Parts may come in any order; a line within a part is the part's, one between two is an entry of the end, with its places."""
    room = Room()
    lines, parts = halves()
    for number in order:
        room.part(f"part_{number}", parts[number])
    client = room.complete("part_0", "part_1", "part_2")
    assert status_of(client.taken) == 200
    assert sorted(room.text(line) for line in room.lines) == sorted(lines)
    *_, end = room.stage.entries("intent")
    joined = [line for line in room.lines if line.pieces]
    assert {line.carrier for line in joined} == {end.id}
    assert [lines[line.number] for line in joined] == [room.text(line) for line in joined]
    assert {line.facts.prompt_chars for line in room.lines} == {100}
    assert (end.facts.file_purpose, end.facts.flags) == ("batch", ["reference"])
    assert [refer.ref for refer in end.refers] == ["upload:upload_1", "part:part_0", "part:part_1", "part:part_2"]
    assert not any(refer.miss for refer in end.refers)
    room.stage.check_figures()


def test_an_end_that_is_dropped_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same comparison turns red when what stands behind a part's last line feed is lost."""
    room = Room()
    whole_part = PartReader.part
    monkeypatch.setattr(
        PartReader, "part", property(lambda reader: msgspec.structs.replace(whole_part.__get__(reader), tail=Fragment()))
    )
    lines, parts = halves()
    for number, part in enumerate(parts):
        room.part(f"part_{number}", part)
    room.complete("part_0", "part_1", "part_2")
    assert sorted(room.text(line) for line in room.lines) != sorted(lines)


@pytest.mark.parametrize(("content", "shared"), [("full", True), ("full", False), ("digests", True)])
def test_other_workers_know_what_one_has_seen(content: str, shared: bool, tmp_path: Path) -> None:
    """Each part at another worker, the end at one more, or after a restart: all lines are joined. Of what is kept as digests no end
    goes to the disk, and without a shelf nobody knows: then it is said what is not read.
    """
    folder = tmp_path / "uploads"
    shelf = Shelf(folder, IDENTITY_KEY, SystemClock()) if shared else None
    rooms = [Room(begun=not number, shelf=shelf, content=content) for number in range(5)]
    lines, parts = halves()
    for number, part in enumerate(parts):
        rooms[number + 1].part(f"part_{number}", part)
    end = rooms[-1]
    end.complete("part_0", "part_1", "part_2")
    for room in rooms:
        end.bodies |= room.bodies
    facts = end.stage.entries("intent")[-1].facts
    whole_file = content == "full" and shared
    assert (sorted(end.text(line) for room in rooms for line in room.lines) == sorted(lines)) is whole_file
    assert ("lines_unread" in facts.flags) is not whole_file
    assert facts.file_purpose == ("batch" if shared else None)
    assert any(refer.miss for refer in end.stage.entries("intent")[-1].refers) is not shared
    objects = len(["upload:upload_1", "part:part_0", "part:part_1", "part:part_2", "file:file-1"])
    assert len(list(folder.iterdir()) if shared else []) == (4 + objects if whole_file else (1 + objects) * shared)


def test_a_line_between_two_pieces_is_read_at_another_worker(tmp_path: Path) -> None:
    """What a piece of a resumable upload leaves is on the shelf, even if it is nothing."""
    shelf = Shelf(tmp_path / "uploads", IDENTITY_KEY, SystemClock())
    rooms = [Room(begun=False, shelf=shelf) for _ in range(3)]
    lines = [generate(number) for number in range(6)]
    for number, room in enumerate(rooms):
        for other in {0, 1, 2} - {number}:
            room.skipped.add(other)
        resumed(room, b"\n".join(lines) + b"\n", [250, 400])
    bodies = {record: body for room in rooms for record, body in room.bodies.items()}
    for room in rooms:
        room.bodies = bodies
    assert [room.text(line) for room in rooms for line in room.lines] == lines


def test_a_line_between_two_parts_is_judged_before_the_file_is_made() -> None:
    """One that may not be asked keeps the upload from being completed; the client is told its number in the file."""
    room = Room()
    room.stage.house.judges = Choosy()
    content = b"\n".join([call(0), call(1), call(2, "forbidden"), call(3)])
    cut = content.index(b"forbidden") + 3
    assert status_of(room.part("part_a", content[:cut]).taken) == 200
    assert status_of(room.part("part_b", content[cut:]).taken) == 200
    client = room.complete("part_a", "part_b")
    assert status_of(client.taken) == 403
    assert told_error(client.taken)["message"].startswith("no (rule no-such) Line 2, counted from 0.")
    assert b"/complete" not in room.stage.sent


def test_a_line_within_a_part_is_judged_with_the_part() -> None:
    """Which then does not go upstream."""
    room = Room()
    room.stage.house.judges = Choosy()
    client = room.part("part_a", call(0) + b"\n" + call(1, "forbidden") + b"\n" + call(2))
    assert status_of(client.taken) == 403
    assert b"/parts" not in room.stage.sent


@pytest.mark.parametrize("why", ["never seen", "let go", "another's"])
def test_what_is_not_known_here_is_said_to_be_unread(why: str) -> None:
    """A part that came past this gateway, ends that were too many to keep, another principal's: no line is made up."""
    room = Room(fragments=100 if why == "let go" else 1 << 20)
    lines, parts = halves()
    for number, part in enumerate(parts):
        if why != "never seen" or number != 1:
            room.part(f"part_{number}", part)
    if why == "another's":
        answer = {"id": "upload_1", "object": "upload"}
        body = json.dumps({"part_ids": ["part_0", "part_1"]}).encode()
        fields = (b"Authorization: Bearer sk-another", b"Content-Type: application/json")
        room.ask(b"/openai/v1/uploads/upload_1/complete", body, answer, fields)
    else:
        room.complete("part_0", "part_1", "part_2")
    *_, end = room.stage.entries("intent")
    assert "lines_unread" in end.facts.flags
    assert {room.text(line) for line in room.lines} < set(lines)


def test_parts_of_an_upload_that_began_elsewhere_are_read_for_what_they_look_like() -> None:
    """After a restart, or at another worker, lines are lines all the same."""
    room = Room(begun=False)
    lines, parts = halves()
    for number, part in enumerate(parts):
        room.part(f"part_{number}", part)
    room.complete("part_0", "part_1", "part_2")
    assert sorted(room.text(line) for line in room.lines) == sorted(lines)


def test_a_file_for_another_purpose_has_no_lines() -> None:
    """Nothing is kept of it, and nothing is said to be missing."""
    room = Room("vision")
    room.part("part_0", call(0) + b"\n" + call(1))
    room.complete("part_0")
    assert room.lines == []
    assert [entry.facts.flags for entry in room.stage.entries("intent")] == [[], ["reference", "media"], ["reference"]]


def resumed(room: Room, content: bytes, sizes: list[int], lost: int = -1) -> list[FakeTransport]:
    """A resumable upload to Gemini, in pieces of these sizes and a last one; one of them goes past this gateway."""
    at, clients = 0, []
    for number, size in enumerate([*sizes, len(content)]):
        body = content[at : at + size]
        command = b"upload, finalize" if at + size >= len(content) else b"upload"
        fields = (b"x-goog-api-key: k", b"X-Goog-Upload-Offset: %d" % at, b"X-Goog-Upload-Command: " + command)
        if number != lost and number not in room.skipped:
            path = b"/gemini/upload/v1beta/files?upload_id=" + b"u" * 20
            clients.append(room.ask(path, body, {"file": {"name": "files/a"}}, fields))
        at += size
    return clients


def generate(number: int, model: str = "m") -> bytes:
    """A line of Gemini's batch file."""
    asked = {"model": model, "contents": [{"role": "user", "parts": [{"text": "x" * 100}]}]}
    return json.dumps({"key": f"k{number}", "request": asked}).encode()


def test_a_line_that_is_cut_between_two_requests_is_read_with_the_second() -> None:
    """Its bytes stand in both; nothing else is different from the file in one piece."""
    room = Room(begun=False)
    lines = [generate(number) for number in range(6)]
    resumed(room, b"\n".join(lines) + b"\n", [250, 400])
    assert [room.text(line) for line in room.lines] == lines
    assert [len(line.pieces) for line in room.lines] == [0, 2, 0, 2, 0, 0]
    first, second, third = room.stage.entries("intent")
    assert [line.carrier for line in room.lines] == [first.id, *[second.id] * 2, *[third.id] * 3]
    assert [line.number for line in room.lines] == [0, 0, 1, 0, 1, 2]
    assert [entry.facts.flags for entry in (first, second, third)] == [["lines_cut"], ["lines_cut"], []]
    assert [entry.facts.inspection for entry in (first, second, third)] == ["partial", "partial", "full"]
    assert {line.facts.prompt_chars for line in room.lines} == {100}
    room.stage.check_figures()


def test_a_piece_that_is_not_known_leaves_its_line_unread() -> None:
    """And is no reason to read the others wrongly."""
    room = Room(begun=False)
    lines = [generate(number) for number in range(6)]
    resumed(room, b"\n".join(lines), [250, 400], lost=1)
    read = [line for line in room.lines if line.facts.inspection != "none"]
    assert {room.text(line) for line in read} < set(lines)
    assert [line.facts.flags for line in room.lines if line not in read] == [["not_json"]]


def test_a_line_that_is_cut_between_two_requests_is_judged() -> None:
    """Before its end goes upstream."""
    room = Room(begun=False)
    room.stage.house.judges = Choosy()
    content = b"\n".join([generate(0), generate(1, "forbidden")])
    first, second = resumed(room, content, [content.index(b"forbidden") + 3])
    assert (status_of(first.taken), status_of(second.taken)) == (200, 403)
