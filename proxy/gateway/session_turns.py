"""The turns of one session, from a dialect's reading of its messages to entries of the record (ADR 0011).

A turn is judged like a direct call when it begins, which for most is before the message that begins it has left; one that may
not be made ends the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Protocol

from proxy.core.clock import Clock
from proxy.core.exchange import Exchange
from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.core.ids import RecordIds
from proxy.core.oneshot import Oneshot
from proxy.dialects.session import Heard, SessionReader, SessionTurn, Settled
from proxy.gateway.judges import Steps, called, judged
from proxy.gateway.references import References
from proxy.gateway.refusal import Refused, objection
from proxy.gateway.routes import Route
from proxy.gateway.transform import untransformable
from proxy.ledger.record import RECORD_FORMAT, Position, Turn
from proxy.wire.websocket import Message


class TurnStream(Protocol):
    """Where turns are written."""

    def turn(self, turn: Turn) -> Oneshot[Position]:
        """Take an entry; filled when it is durable."""
        ...


class LongReader(Protocol):
    """What reads a message that takes more than a turn of the loop."""

    def hear(self, exchange: Exchange, settled: Settled, parts: Sequence[bytes]) -> Oneshot[Heard]:
        """What it says to a session that has come so far; fails with StrictJSONError."""
        ...


class Turns:
    """Reads both directions of a session and writes its turns. `keyed` hides the names that clients give their users. `refused` is
    why the newest turn may not be made; None while all may. `elsewhere` reads long messages; without it they are read here.
    """

    __slots__ = (
        "_begun",
        "_clock",
        "_exchange",
        "_ids",
        "_judges",
        "_keyed",
        "_reader",
        "_references",
        "_stream",
        "elsewhere",
        "refused",
    )

    def __init__(
        self,
        reader: SessionReader,
        exchange: Exchange,
        stream: TurnStream,
        ids: RecordIds,
        clock: Clock,
        keyed: Callable[[str], str],
        judges: Steps,
        references: References | None = None,
    ) -> None:
        self._reader = reader
        self._exchange = exchange
        self._stream = stream
        self._ids = ids
        self._clock = clock
        self._keyed = keyed
        self._judges = judges
        self._references = references
        self.elsewhere: LongReader | None = None
        self._begun: dict[int, Exchange] = {}
        self.refused: Refused | None = None

    @property
    def open(self) -> int:
        """Turns under way."""
        return self._reader.open_turns

    def asked(self, message: Message) -> None:
        """A message of the client's. Raises: StrictJSONError."""
        self._reader.asked(message.payload or b"".join(message.parts), message.start, message.end)
        self._write()

    def is_long(self, message: Message) -> bool:
        """Whether it takes more than a turn of the loop to read a message of the client's."""
        return bool(message.parts) and self.elsewhere is not None

    def hear(self, message: Message) -> Oneshot[Heard]:
        """Have a long message of the client's read; fails with StrictJSONError."""
        assert self.elsewhere is not None, "is_long asked"
        return self.elsewhere.hear(self._exchange, self._reader.lent(), message.parts)

    def heard(self, heard: Heard, message: Message) -> None:
        """Take in what it says."""
        self._reader.heard(heard, message.end)
        self._write()

    def answered(self, message: Message) -> None:
        """A message of the upstream's."""
        payload = b"".join(message.parts) if message.parts else message.payload
        self._reader.answered(payload, message.start, message.end)
        self._write()

    def close(self, outcome: str, error: str) -> None:
        """The session has ended: so have its turns, before it is said in the session's own outcome."""
        self._reader.close(outcome, error)
        self._write()

    def facts(self) -> AnswerFacts:
        """Of the session as a whole."""
        return self._reader.facts()

    def error_message(self, status: int, code: str, message: str) -> bytes:
        """The provider's own way to tell of an error; empty when it has none."""
        return self._reader.error_message(status, code, message, self._exchange.id)

    def _write(self) -> None:
        for turn in self._reader.take():
            self._stream.turn(self._entry(turn))

    def _judge(self, turn: SessionTurn, at: int, mono: int) -> Exchange:
        """A turn that begins, as the query that it is."""
        session = self._exchange
        asked = Exchange(self._ids.next(at), at, mono, session.request)
        asked.caller, asked.route = session.caller, session.route
        asked.facts = facts = copy(turn.request)
        if facts.model is None:
            facts.model = session.facts.model
        if facts.references and self._references is not None:
            asked.refers = self._references.resolve(asked)
            turn.request.flags, turn.request.inspection = facts.flags, facts.inspection
        judges = self._judges
        asked.call = called(asked, size=turn.asked[1] - turn.asked[0])
        asked.verdict = judges.terms(asked)
        asked.decision = untransformable(judges.policy(asked), "a turn of a session")
        asked.grant = judges.limit(asked)
        self.refused = self.refused or objection(asked.verdict, asked.decision, asked.grant)
        return asked

    def _entry(self, turn: SessionTurn) -> Turn:
        exchange, clock = self._exchange, self._clock
        route: Route = exchange.route
        at, mono = clock.utc_us(), clock.monotonic_ns()
        asked = self._begun.get(turn.number) or self._judge(turn, at, mono)
        if turn.outcome:
            self._begun.pop(turn.number, None)
            self._judges.settle(asked.grant, turn.answer.usage)
        else:
            self._begun[turn.number] = asked
        end_user, facts = self._without_end_user(turn.request)
        return Turn(
            v=RECORD_FORMAT,
            id=asked.id,
            instance="",
            epoch=0,
            seq=0,
            at=at,
            mono=mono,
            carrier=exchange.id,
            number=turn.number,
            principal=exchange.caller.principal.name,
            end_user=end_user,
            purpose=exchange.caller.purpose,
            upstream=route.upstream.name,
            dialect=route.dialect.name,
            endpoint=route.endpoint.name,
            model_requested=turn.request.model or exchange.facts.model or "",
            model_returned=turn.answer.model or "",
            facts=facts,
            answer=turn.answer,
            asked_from=turn.asked[0],
            asked_to=turn.asked[1],
            answered_from=turn.answered[0],
            answered_to=turn.answered[1],
            outcome=turn.outcome,
            error=turn.error,
            duration_us=(mono - asked.mono) // 1000,
            refers=asked.refers,
            **judged(asked.verdict, asked.decision),
        )

    def _without_end_user(self, facts: RequestFacts) -> tuple[str, RequestFacts]:
        """(the user's keyed name, the facts without the name)."""
        if not facts.end_user:
            return "", facts
        nameless = copy(facts)
        nameless.end_user = None
        return self._keyed(facts.end_user), nameless
