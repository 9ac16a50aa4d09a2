"""What every journey must leave behind: no body went upstream without a durable intent that commits to exactly those bytes.

`unrecorded` reads the spool as a verifier would, with nothing but its files and the deployment's secrets, and says what is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from proxy.core.errors import TosProxyError
from proxy.ledger import opening, reader
from proxy.ledger.keyring import Keys
from proxy.ledger.pieces import Piece, pieces_of
from proxy.ledger.reader import Cursor, EpochAt, Fault
from proxy.ledger.record import Entry, Intent, Line, Outcome, Refusal, commitment, decode
from proxy.ledger.sealing import unseal
from proxy.ledger.secrets import Secrets
from proxy.ledger.segments import ENTRIES, Frame


class Written(msgspec.Struct):
    """All that the ledger holds: entries with their sealed content part in the order of each epoch, and pieces by record id."""

    entries: list[tuple[Entry, bytes]] = []
    pieces: dict[str, list[Piece]] = {}
    faults: list[tuple[EpochAt, Fault]] = []
    ends: dict[EpochAt, int] = {}

    def of(self, kind: type[Intent | Outcome | Refusal]) -> Iterator[tuple[Entry, bytes]]:
        """Entries of exactly this kind."""
        return ((entry, content) for entry, content in self.entries if type(entry) is kind)


def frames(epoch: EpochAt, faults: list[tuple[EpochAt, Fault]] | None = None) -> Iterator[Frame]:
    """Every frame of an epoch that is durable now."""
    cursor = Cursor()
    while True:
        portion = reader.read(epoch, cursor)
        yield from portion.frames
        if faults is not None:
            faults += [(epoch, fault) for fault in portion.faults]
        if portion.finished or portion.cursor == cursor:
            return
        cursor = portion.cursor


def written(spool: Path) -> Written:
    """Read a whole spool."""
    found = Written()
    for epoch in reader.epochs(spool):
        for frame in frames(epoch, found.faults):
            for piece in pieces_of(frame):
                found.pieces.setdefault(piece.id, []).append(piece)
            if frame.kind in ENTRIES:
                found.entries.append((decode(frame.evidence), frame.content))
                found.ends[epoch] = frame.seq
    return found


def unrecorded(spool: Path, secrets: Secrets, seen_bodies: Iterable[bytes]) -> list[str]:
    """What is wrong, in words; empty when every body that an upstream saw has its intent and the ledger is whole.

    Args:
        spool: `data_dir/spool`; the keyring is looked for beside it.
        secrets: the deployment's.
        seen_bodies: each request body an upstream received, once per time it received one. Order does not matter.

    """
    ledger = written(spool)
    wrong = [f"{epoch.instance}/{epoch.number}: {fault}" for epoch, fault in ledger.faults]
    wrong += _numbering(ledger) + _outcomes(ledger)
    keys = Keys(spool.parent, secrets.master)
    committed: Counter[bytes] = Counter()
    salted: list[tuple[bytes, str]] = []
    parts = dict.fromkeys((piece.id for entry, _ in ledger.entries if isinstance(entry, Line) for piece in entry.pieces), b"")
    for entry, content in ledger.of(Intent):
        assert isinstance(entry, Intent)
        try:
            if entry.content.mode == "digests":
                salted.append((opening.salt_of(entry, content, keys.cipher), entry.sent or entry.received))
                continue
            question = opening.question(entry, content, ledger.pieces.get(entry.id, []), keys.cipher)
        except TosProxyError as error:
            wrong.append(str(error))
            continue
        committed[question.received if question.sent is None else question.sent] += 1
        if entry.id in parts:
            parts[entry.id] = question.received
        if entry.facts.lines:
            wrong += unlined(ledger, entry, opening.salt_of(entry, content, keys.cipher), question.received, parts)
    missing = Counter(seen_bodies) - committed
    return wrong + [f"sent upstream, not recorded: {body[:80]!r}" for body in missing.elements() if not _redeemed(body, salted)]


def unlined(ledger: Written, carrier: Intent, salt: bytes, body: bytes, parts: Mapping[str, bytes] | None = None) -> list[str]:
    """What is wrong with the lines of a carrier that went upstream: all are there, before its intent, and open to its bytes, or to
    those of `parts`. Lines that are joined from parts have the numbers that they have in the file.
    """
    lines = [entry for entry, _ in ledger.entries if isinstance(entry, Line) and entry.carrier == carrier.id]
    wrong = [f"{line.id}: line {line.number} follows its carrier" for line in lines if line.seq > carrier.seq]
    numbers = [line.number for line in lines]
    sound = sorted(set(numbers)) == numbers if any(line.pieces for line in lines) else numbers == list(range(len(numbers)))
    if len(lines) != carrier.facts.lines or not sound:
        wrong.append(f"{carrier.id}: {len(lines)} lines, {carrier.facts.lines} were sent")
    for line in lines if "encoded_lines" not in carrier.facts.flags else ():
        try:
            opening.line(line, salt, body, parts)
        except TosProxyError as error:
            wrong.append(str(error))
    return wrong


def unsaid(spool: Path, secrets: Secrets, said: Iterable[bytes]) -> list[str]:
    """What is wrong with sessions, in words. Each stream of bytes that an upstream saw after a handshake must be the beginning of
    what the ledger has of some session's client, but for a close frame of ours at its end; what outcomes commit to must open.
    """
    ledger = written(spool)
    keys = Keys(spool.parent, secrets.master)
    outcomes = {entry.id: entry for entry, _ in ledger.of(Outcome) if isinstance(entry, Outcome)}
    kept: list[bytes] = []
    wrong: list[str] = []
    for entry, content in ledger.of(Intent):
        assert isinstance(entry, Intent)
        pieces = sorted((one for one in ledger.pieces.get(entry.id, []) if not one.answer), key=lambda piece: piece.offset)
        if entry.content.pieces or not pieces or not all(piece.key for piece in pieces):
            continue
        kept.append(b"".join(unseal(keys.cipher(entry.instance, piece.key), piece.sealed, entry.id) for piece in pieces))
        outcome = outcomes.get(entry.id)
        try:
            if outcome is not None and opening.said(entry, outcome, content, pieces, keys.cipher) != kept[-1]:
                wrong.append(f"{entry.id}: more was said than the outcome commits to")
        except TosProxyError as error:
            wrong.append(str(error))
    for stream in said:
        ours = stream[:-8] if stream[-8:-6] == b"\x88\x82" else stream  # a masked close frame with a code and no reason
        found = next((one for begun in (stream, ours) for one in kept if one.startswith(begun)), None)
        if found is not None:
            kept.remove(found)
        elif ours:
            wrong.append(f"said upstream, not recorded: {len(stream)} bytes beginning {stream[:40]!r}")
    return wrong


def _redeemed(body: bytes, salted: list[tuple[bytes, str]]) -> bool:
    """Whether an intent that kept only its digest commits to this body; each does so once."""
    for salt, digest in salted:
        if commitment(salt, body) == digest:
            salted.remove((salt, digest))
            return True
    return False


def _numbering(ledger: Written) -> list[str]:
    """`seq` counts from 1 without gap or repetition within each epoch."""
    wrong: list[str] = []
    last: dict[tuple[str, int], int] = {}
    for entry, _ in ledger.entries:
        place = (entry.instance, entry.epoch)
        if entry.seq != last.get(place, 0) + 1:
            wrong.append(f"{place}: entry {entry.seq} follows {last.get(place, 0)}")
        last[place] = entry.seq
    return wrong


def _outcomes(ledger: Written) -> list[str]:
    """Each intent has at most one outcome, each outcome its intent, and no id is used twice."""
    intents = Counter((entry.instance, entry.epoch, entry.seq, entry.id) for entry, _ in ledger.of(Intent))
    ids = Counter(entry.id for entry, _ in (*ledger.of(Intent), *ledger.of(Refusal)))
    closed: Counter[tuple[str, int, int, str]] = Counter()
    for entry, _ in ledger.of(Outcome):
        assert isinstance(entry, Outcome)
        closed[(*msgspec.structs.astuple(entry.intent), entry.id)] += 1
    wrong = [f"{place}: {count} outcomes" for place, count in closed.items() if count > 1]
    wrong += [f"{place}: an outcome without its intent" for place in closed if place not in intents]
    return wrong + [f"{name}: used for {count} records" for name, count in ids.items() if count > 1]


def open_intents(spool: Path) -> list[str]:
    """Ids of records whose outcome is not written."""
    ledger = written(spool)
    ended = {entry.id for entry, _ in ledger.of(Outcome)}
    return [entry.id for entry, _ in ledger.of(Intent) if entry.id not in ended]
