"""Sends one case over one connection and reads, strictly, what comes back."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Literal

from tests.hostile.building import Case
from tests.hostile.meaning import Meaning, read

PATIENCE = 30.0
"""Seconds after which an answer that is due counts as missing."""
_SURPLUS = 0.05
"""Seconds in which an answer that is not due would have come."""
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*?)[ \t]*\r\n")


@dataclass
class Answer:
    """One final answer."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes

    @property
    def ours(self) -> bool:
        """Made by the proxy itself."""
        return self.fields.get(b"x-tos-source") == b"proxy"

    @property
    def record(self) -> str:
        """The id of its record, empty when it names none."""
        return self.fields.get(b"x-tos-record", b"").decode("latin-1")

    @property
    def closes(self) -> bool:
        """It announces the end of the connection."""
        return b"close" in self.fields.get(b"connection", b"").lower()


@dataclass
class Outcome:
    """What a case led to. `end`: `closed` by the gateway, `left` by us when nothing more was due, `silent` when something was."""

    case: Case
    meaning: Meaning
    answers: list[Answer] = field(default_factory=list)
    end: Literal["closed", "left", "silent"] = "closed"
    garbage: str = ""
    """What could not be read as an answer."""


class NoAnswerError(Exception):
    """The bytes are not (yet) a whole answer."""


def read_answer(received: bytes, method: bytes, *, over: bool) -> tuple[Answer | None, bytes]:
    """The next answer and what follows it; None for an interim one. `over`: nothing more will come.

    Errors: NoAnswerError, whose text is empty when more bytes may complete it.
    """
    line = _STATUS_LINE.match(received)
    end = received.find(b"\r\n\r\n")
    if line is None or end < 0:
        wrong = over or (len(received) > 13 and _STATUS_LINE.match(received[:13] + b"\r\n") is None)
        raise NoAnswerError(f"no head in {received[:60]!r}" if wrong else "")
    head, rest = received[line.end() : end + 2], received[end + 4 :]
    if re.fullmatch(rb"(?:%b)*" % _FIELD.pattern, head) is None:
        raise NoAnswerError(f"malformed fields in {head[:200]!r}")
    fields = {name.lower(): value for name, value in _FIELD.findall(head)}
    status = int(line[1])
    if status < 200:
        return None, rest
    bodiless = method == b"HEAD" or status in (204, 304)
    body, rest = (b"", rest) if bodiless else _body(fields, rest, over=over)
    return Answer(status, fields, body), rest


def _body(fields: dict[bytes, bytes], rest: bytes, *, over: bool) -> tuple[bytes, bytes]:
    if fields.get(b"transfer-encoding") == b"chunked":
        body = b""
        while (chunk := re.match(rb"([0-9a-f]+)\r\n", rest)) is not None:
            size, start = int(chunk[1], 16), chunk.end()
            if len(rest) < start + size + 2:
                break
            body, rest = body + rest[start : start + size], rest[start + size + 2 :]
            if not size:
                return body, rest
        raise NoAnswerError("a chunked body without its end" if over else "")
    if (length := fields.get(b"content-length")) is None:
        if not over:
            raise NoAnswerError("")
        return rest, b""
    if len(rest) < int(length):
        raise NoAnswerError("a body shorter than it said" if over else "")
    return rest[: int(length)], rest[int(length) :]


async def play(host: str, port: int, case: Case) -> Outcome:
    """Play one case to its end."""
    outcome = Outcome(case, read(case.stream))
    reader, writer = await asyncio.open_connection(host, port)
    try:
        sending = asyncio.ensure_future(_send(writer, case))
        await _receive(reader, outcome)
        sending.cancel()
    finally:
        writer.transport.abort()
    return outcome


async def _send(writer: asyncio.StreamWriter, case: Case) -> None:
    try:
        for index, piece in enumerate(case.pieces()):
            if index:
                await asyncio.sleep(0.002)
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass  # the gateway has heard enough; what it answered is what counts


async def _receive(reader: asyncio.StreamReader, outcome: Outcome) -> None:
    asked = outcome.meaning.asked
    due = len(asked) + (outcome.meaning.end == "refused")
    received, over = b"", False
    while not over:
        waits_for_more = outcome.meaning.end in ("incomplete", "open") and len(outcome.answers) >= due
        try:
            piece = await asyncio.wait_for(reader.read(1 << 20), _SURPLUS if waits_for_more else PATIENCE)
        except TimeoutError:
            outcome.end = "left" if waits_for_more else "silent"
            break
        except OSError:
            piece = b""
        over = not piece
        received = _take(received + piece, outcome, over=over)
        if outcome.garbage:
            return
    if received:
        outcome.garbage = f"surplus {received[:80]!r}"


def _take(received: bytes, outcome: Outcome, *, over: bool) -> bytes:
    """Move whole answers from what was received to the outcome."""
    asked = outcome.meaning.asked
    while received:
        index = len(outcome.answers)
        try:
            answer, received = read_answer(
                received, asked[index].method if index < len(asked) else outcome.meaning.begun, over=over
            )
        except NoAnswerError as error:
            outcome.garbage = str(error)
            break
        if answer is not None:
            outcome.answers.append(answer)
    return received
