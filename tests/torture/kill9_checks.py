"""What must hold after kills: between what an upstream saw, what clients saw, what the spool holds and what the store holds."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from proxy.core.errors import TosProxyError
from proxy.demo.scripted.seen import Seen
from proxy.ledger import opening, secrets
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Intent, Line, Outcome, Turn, encode
from proxy.ledger.secrets import Secrets
from tests.ledger_oracle import Written, open_intents, unrecorded, unsaid, written
from tests.torture.kill9_load import Answered

_QUERY = b'"custom_id"'


def wrongs(data_dir: Path, seen: list[Seen], answers: list[Answered]) -> list[str]:
    """Everything that is wrong, one line each; only once all processes have ended in order."""
    spool, known = data_dir / "spool", secrets.load(data_dir, {})
    wrong = unrecorded(spool, known, [each.body for each in seen if each.completed])
    ledger = written(spool)
    wrong += _begun_upstream(ledger, spool.parent, known, seen)
    wrong += _answered(ledger, answers)
    wrong += _carried(ledger, seen)
    wrong += unsaid(spool, known, [each.said for each in seen if each.said]) + _turned(ledger)
    wrong += [f"{record}: no outcome in the end" for record in open_intents(spool)]
    return wrong + _stored(ledger, data_dir / "store.db")


def _turned(ledger: Written) -> list[str]:
    """Each turn that began has one end, and its session is recorded."""
    turns = [entry for entry, _ in ledger.entries if isinstance(entry, Turn)]
    begun, ended = (Counter(turn.id for turn in turns if bool(turn.outcome) == over) for over in (False, True))
    sessions = {entry.id for entry, _ in ledger.of(Intent)}
    wrong = [
        f"{name}: begun {count} times, ended {ended[name]} times" for name, count in begun.items() if (count, ended[name]) != (1, 1)
    ]
    wrong += [f"{name}: ended and never begun" for name in ended.keys() - begun.keys()]
    return wrong + [f"{turn.id}: of no session" for turn in turns if turn.carrier not in sessions]


def _begun_upstream(ledger: Written, data_dir: Path, known: Secrets, seen: list[Seen]) -> list[str]:
    """A request that reached the upstream in part was durable as a whole before its first byte left."""
    parts = [each.body for each in seen if not each.completed and each.method]
    if not parts:
        return []
    keys = Keys(data_dir, known.master)
    bodies = []
    for entry, content in ledger.of(Intent):
        assert isinstance(entry, Intent)
        try:
            bodies.append(opening.question(entry, content, ledger.pieces.get(entry.id, []), keys.cipher).received)
        except TosProxyError as error:
            return [str(error)]
    return [f"begun upstream, not recorded: {part[:80]!r}" for part in parts if not any(body.startswith(part) for body in bodies)]


def _carried(ledger: Written, seen: list[Seen]) -> list[str]:
    """A carrier that the upstream saw has as many lines on record as its body has, however it was cut off."""
    wrong = []
    lines = Counter(entry.carrier for entry, _ in ledger.entries if isinstance(entry, Line))
    expected = Counter(each.body.count(_QUERY) for each in seen if each.completed and _QUERY in each.body)
    recorded = Counter(lines[entry.id] for entry, _ in ledger.of(Intent))
    wrong += [f"{number} carriers of {size} lines were sent, not recorded" for size, number in (expected - recorded).items()]
    return wrong


def _answered(ledger: Written, answers: list[Answered]) -> list[str]:
    """An answer that a client saw whole is recorded as completed."""
    outcomes = {entry.id: entry.outcome for entry, _ in ledger.of(Outcome) if isinstance(entry, Outcome)}
    whole = [each for each in answers if each.complete and not each.ours]
    unnamed = [f"a complete answer names no record: {each}" for each in whole if not each.record]
    return unnamed + [
        f"{each.record}: complete at its client, {outcomes.get(each.record, 'nothing')} in the ledger"
        for each in whole
        if each.record and outcomes.get(each.record) != "completed"
    ]


def _stored(ledger: Written, file: Path) -> list[str]:
    """The store has every entry of the spool, byte for byte, and no other."""
    spooled = {(entry.instance, entry.epoch, entry.seq): encode(entry) for entry, _ in ledger.entries}
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
        stored = {(row[0], row[1], row[2]): row[3] for row in store.execute("SELECT instance, epoch, seq, evidence FROM entries")}
    wrong = [f"{place}: not in the store" for place in spooled.keys() - stored.keys()]
    wrong += [f"{place}: only in the store" for place in stored.keys() - spooled.keys()]
    return wrong + [
        f"{place}: other bytes in the store" for place in spooled.keys() & stored.keys() if spooled[place] != stored[place]
    ]
