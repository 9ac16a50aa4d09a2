"""Answers by the record ids that came with them: what was asked, how it ended, and what it rests on, read from the store.

An id is that of an exchange, of a line of a carrier (its answer came with a download), or of a turn of a session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.ledger.record import Outcome, Turn, decode, leaf
from proxy.ledger.store import Store
from proxy.ledger.store_records import answered_lines, exchanges_named, lines_named, turns_named
from proxy.policy.replay import Seen, seen

COMPLETED = "completed"
_MOST_LEVELS = 1000
_REFUSAL = b'{"kind":"refusal"'


@dataclass(frozen=True)
class Answer:
    """`entry`: what was asked. `carrier`: the entry of the exchange that brought a line or holds a turn, None otherwise.

    `refused`: we answered ourselves. `outcome`: how the answer ended, empty while it has not. `status`: the upstream's, 0 where
    there is none. `model`: as the upstream said. `leaf` and `answer_leaf`: leaf hashes of both entries, 64 hex digits.
    """

    entry: Seen
    carrier: Seen | None
    leaf: str
    refused: bool = False
    outcome: str = ""
    status: int = 0
    model: str = ""
    answer_leaf: str = ""

    @property
    def models(self) -> list[str]:
        """The models that took part, as far as it says: asked for, by itself or by the queries that it carries, and returned."""
        facts = self.entry.facts
        named = [facts.model or self.entry.model_requested, *(facts.models if facts.lines else []), self.model]
        return [each for each in dict.fromkeys(named) if each]

    @property
    def rests_on(self) -> list[str]:
        """Records of the calls that made what this one refers to; of a turn, its session is one of them."""
        of_session = [self.entry.carrier] if self.entry.carrier and not self.entry.length else []
        return of_session + [refer.record for refer in self.entry.refers if refer.record]


async def answers_with_origins(store: Store, ids: Iterable[str]) -> dict[str, Answer]:
    """The answers of these records, and of all that they rest on, directly or not; those that are not here are left out.

    Raises: StoreUnavailableError.
    """
    found: dict[str, Answer] = {}
    asked: set[str] = set()
    wanted = set(ids)
    for _ in range(_MOST_LEVELS):
        if not wanted:
            break
        asked |= wanted
        level = await answers(store, wanted)
        found |= level
        wanted = {record for answer in level.values() for record in answer.rests_on} - asked
    return found


async def answers(store: Store, ids: Iterable[str]) -> dict[str, Answer]:
    """The answers of these records. Raises: StoreUnavailableError."""
    wanted = set(ids)
    found = {record: _of_exchange(*both) for record, both in (await exchanges_named(store, wanted)).items()}
    if rest := wanted - found.keys():
        found |= await _of_lines(store, rest)
    if rest := wanted - found.keys():
        found |= await _of_turns(store, rest)
    return found


def _of_exchange(asked: bytes, ended: bytes | None) -> Answer:
    entry = seen(asked)
    told = _hex(asked)
    if asked.startswith(_REFUSAL):
        return Answer(entry, None, told, refused=True)
    outcome = decode(ended) if ended is not None else None
    if ended is None or not isinstance(outcome, Outcome):
        return Answer(entry, None, told)
    return Answer(entry, None, told, False, outcome.outcome, outcome.status, outcome.model_returned, _hex(ended))


async def _of_lines(store: Store, ids: Iterable[str]) -> dict[str, Answer]:
    """A line is answered once a download has its result, and how that download ended is how the answer did."""
    lines = await lines_named(store, ids)
    entries = {record: seen(evidence) for record, evidence in lines.items()}
    downloads = await answered_lines(store, lines)
    named = await exchanges_named(store, {entry.carrier for entry in entries.values()} | set(downloads.values()))
    found = {}
    for record, entry in entries.items():
        carrier = seen(named[entry.carrier][0]) if entry.carrier in named else None
        download = _of_exchange(*named[downloads[record]]) if downloads.get(record) in named else None
        ended = (download.outcome, download.status, "", download.answer_leaf) if download is not None else ("", 0, "", "")
        found[record] = Answer(entry, carrier, _hex(lines[record]), False, *ended)
    return found


async def _of_turns(store: Store, ids: Iterable[str]) -> dict[str, Answer]:
    turns = await turns_named(store, ids)
    entries = {record: seen(evidence) for record, evidence in turns.items()}
    sessions = await exchanges_named(store, {entry.carrier for entry in entries.values()})
    found = {}
    for record, entry in entries.items():
        session = seen(sessions[entry.carrier][0]) if entry.carrier in sessions else None
        turn = decode(turns[record])
        assert isinstance(turn, Turn)
        told = _hex(turns[record])
        found[record] = Answer(entry, session, told, False, turn.outcome, 0, turn.model_returned, told if turn.outcome else "")
    return found


def _hex(evidence: bytes) -> str:
    return leaf(evidence).hex()
