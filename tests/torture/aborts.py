"""Clients that leave at random bytes of their answers, and what the ledger must say of each.

    python -m tests.torture.aborts 1000      # prints what was wrong, and how the outcomes were spread

Right is: one outcome for each intent; `completed` wherever the client has the whole answer, else `completed` or `client_gone`;
delivered at least what the client saw and at most what was received; received as the upstream sent; in `cancel` mode no
upstream call open a second after its client left.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from proxy.demo.scripted.seen import Seen
from proxy.demo.upstream import UpstreamProcess, upstream_process
from proxy.ledger.record import Intent, Outcome
from proxy.ledger.secrets import load
from tests.ledger_oracle import unrecorded, written
from tests.torture.lone_worker import LoneWorker, lone_worker

AT_ONCE = 20
CLOSED_WITHIN = 5.0
"""Seconds; a second where the machine has nothing else to do."""
_CHAT = "/openai/v1/chat/completions"
_SCRIPTS = (
    (_CHAT, False, "words=60"),
    (_CHAT, False, "words=400 framing=chunked chunk_size=200 delay_ms=1"),
    (_CHAT, True, "words=60 chunks=30 delay_ms=1"),
    (_CHAT, True, "words=400 chunks=150 delay_ms=10"),
    ("/anthropic/v1/messages", True, "words=60 chunks=30 delay_ms=1"),
    ("/openai/v1/responses", True, "words=30 chunks=10"),
    (_CHAT, False, "words=200 framing=close body_delay_ms=2"),
)


@dataclass
class Abort:
    """One client: what it asked, when it left, what it had by then."""

    number: int
    path: str
    script: str
    stream: bool
    leaves_after: int
    resets: bool
    taken: bytes = b""
    whole: bool = False

    def request(self) -> bytes:
        """The bytes it sends; the query names it in the ledger and upstream."""
        stream = "true" if self.stream else "false"
        text = f"{self.number} [[script: {self.script}]]"
        body = (
            f'{{"model":"m-1","max_tokens":99,"stream":{stream},'
            f'"messages":[{{"role":"user","content":"{text}"}}],"input":"{text}"}}'
        ).encode()
        head = (
            f"POST {self.path}?n={self.number} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk-{self.number % 7}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    @property
    def body_seen(self) -> int:
        """Bytes of the answer's body that the client has, chunks' framing taken off."""
        head, blank, body = self.taken.partition(b"\r\n\r\n")
        if not blank:
            return 0
        return unframed(body) if b"transfer-encoding: chunked" in head.lower() else len(body)


@dataclass
class Report:
    """What came of all aborts. `slowest` is the longest that upstream calls stayed open after their clients had left."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0


def unframed(body: bytes) -> int:
    """Bytes of body in the beginning of a chunked one."""
    count = 0
    while body:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            break
        count += min(length, len(rest))
        body = rest[length + 2 :]
    return count


def drawn(count: int, seed: int, *, endless: bool = False) -> list[Abort]:
    """Aborts of all kinds, at places of all kinds; `endless`: all of answers that never end by themselves."""
    chance = random.Random(seed)
    aborts = []
    for number in range(count):
        path, stream, script = (_CHAT, True, "fault=infinite delay_ms=20") if endless else chance.choice(_SCRIPTS)
        leaves_after = chance.choice(
            [0, 1, chance.randrange(400), chance.randrange(6000), chance.randrange(6000 if endless else 60_000)]
        )
        aborts.append(Abort(number, path, script, stream, leaves_after, chance.random() < 0.5))
    return aborts


async def live(abort: Abort, port: int) -> None:
    """Ask, take so many bytes, leave: by a reset or by a plain close."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(abort.request())
    await writer.drain()
    while len(abort.taken) < abort.leaves_after:
        piece = await reader.read(min(abort.leaves_after - len(abort.taken), 700))
        abort.taken += piece
        if not piece or abort.taken.endswith(b"0\r\n\r\n") or _has_length(abort.taken):
            abort.whole = True
            break
    if abort.resets:
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _has_length(taken: bytes) -> bool:
    head, blank, body = taken.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(blank and length.isdigit() and len(body) >= int(length))


async def all_closed(upstream: UpstreamProcess) -> float:
    """Wait until no call is open upstream; returns for how many seconds that took."""
    began = time.monotonic()
    while any(seen.answer == "open" for seen in await asyncio.to_thread(upstream.seen)):
        if time.monotonic() - began > 1.5 * CLOSED_WITHIN:
            break
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def storm(aborts: list[Abort], worker: LoneWorker, upstream: UpstreamProcess) -> tuple[list[Seen], float]:
    """Let all clients live, some at a time. Returns what the upstream saw, and how long calls outlived their clients at most."""
    seen: list[Seen] = []
    slowest = 0.0
    for start in range(0, len(aborts), AT_ONCE):
        await asyncio.gather(*(live(abort, worker.port) for abort in aborts[start : start + AT_ONCE]))
        slowest = max(slowest, await all_closed(upstream))
        seen += upstream.seen()
        upstream.clear()
    return seen, slowest


def judge(aborts: list[Abort], spool: Path, seen: list[Seen]) -> Report:
    """Compare what clients, upstream and ledger say of each exchange."""
    ledger = written(spool)
    intents = {entry.target.partition("?n=")[2]: entry for entry, _ in ledger.of(Intent) if isinstance(entry, Intent)}
    outcomes = {entry.id: entry for entry, _ in ledger.of(Outcome) if isinstance(entry, Outcome)}
    asked = {one.target.partition(b"?n=")[2].decode(): one for one in seen}
    report = Report()
    for abort in aborts:
        name = str(abort.number)
        outcome = outcomes.get(intents[name].id) if name in intents else None
        if outcome is None:
            # Whoever leaves before the request was read leaves no intent, and then nothing upstream.
            if abort.taken or name in asked or name in intents:
                report.wrong.append(f"{name}: no outcome")
            report.outcomes["none"] += 1
            continue
        report.outcomes[outcome.outcome] += 1
        report.wrong += [f"{name} ({abort.script}): {fault}" for fault in faults(abort, outcome, asked.get(name))]
    return report


def faults(abort: Abort, outcome: Outcome, seen: Seen | None) -> list[str]:
    """What does not fit together."""
    sent = seen.answered if seen is not None else 0
    checks = {
        f"outcome {outcome.outcome}": outcome.outcome in (("completed",) if abort.whole else ("completed", "client_gone")),
        f"delivered {outcome.delivered_bytes}, seen {abort.body_seen}": outcome.delivered_bytes >= abort.body_seen,
        f"delivered {outcome.delivered_bytes}, received {outcome.answer_bytes}": outcome.delivered_bytes <= outcome.answer_bytes,
        f"received {outcome.answer_bytes}, sent {sent}": outcome.answer_bytes <= sent,
        f"completed with {outcome.answer_bytes} of {sent}": outcome.outcome != "completed" or outcome.answer_bytes == sent,
    }
    return [fault for fault, right in checks.items() if not right]


def run(count: int, folder: Path, seed: int = 1, *, on_client_abort: str = "cancel") -> Report:
    """The whole of it. With `drain` upstream calls outlive their clients, which must then be found out."""
    aborts = drawn(count, seed, endless=on_client_abort == "drain")
    with upstream_process() as upstream, lone_worker(folder, upstream.url, on_client_abort=on_client_abort) as worker:
        seen, slowest = asyncio.run(storm(aborts, worker, upstream))
    report = judge(aborts, worker.data_dir / "spool", seen)
    report.slowest = slowest
    if slowest > CLOSED_WITHIN:
        report.wrong.append(f"upstream calls were open {slowest:.2f} s after their clients had left")
    report.wrong += unrecorded(worker.data_dir / "spool", load(worker.data_dir), [one.body for one in seen if one.completed])
    return report


def main() -> int:
    """Count and seed from the command line."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        report = run(count, Path(folder), seed)
    for fault in report.wrong:
        print(fault)  # noqa: T201 - a command's output
    spread = ", ".join(f"{number} {name}" for name, number in sorted(report.outcomes.items()))
    print(f"{count} aborts: {spread}; {len(report.wrong)} wrong; upstream closed within {report.slowest:.2f} s")  # noqa: T201
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
