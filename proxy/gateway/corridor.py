"""The corridor: the one way of every exchange, from a request's head to a recorded end.

Each step reads what earlier steps found and sets one field of the exchange; no step calls another. Two waits make the promise:
the intent is durable before the first byte goes upstream, the outcome is durable before the answer's end is released. The walk is
nobody's child: a client that hangs up ends its answer, never its record.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, cast

from proxy.core.clock import Clock
from proxy.core.errors import LedgerUnavailableError, UpstreamError
from proxy.core.exchange import NOBODY, Exchange
from proxy.core.facts import AnswerFacts, Usage
from proxy.core.ids import RecordIds
from proxy.core.oneshot import Oneshot, drive
from proxy.dialects import by_name
from proxy.dialects.contract import AnswerReader
from proxy.gateway import evidence, refusal
from proxy.gateway.allowances import NOTHING, Spent
from proxy.gateway.ask import Answer, ask
from proxy.gateway.carrier import Carriers, Pause, no_pause
from proxy.gateway.figures import Figures
from proxy.gateway.house import House
from proxy.gateway.judges import called
from proxy.gateway.long_lines import Reader
from proxy.gateway.receive import Body, at_hand, receive, understand
from proxy.gateway.recording import Ledger, Stream
from proxy.gateway.references import References
from proxy.gateway.refusal import Refused, objection
from proxy.gateway.relay import CLIENT_GONE, Ending, Relay
from proxy.gateway.routes import Route
from proxy.gateway.session import Session
from proxy.gateway.transform import transform
from proxy.gateway.upgrade import session_of, switch
from proxy.ledger.record import Outcome, Position
from proxy.wire.coding import Decoder
from proxy.wire.request import Request

SWITCHED = 101
SHORT = 128 * 1024
"""Bytes that are read in a turn of the loop; the reading of more takes milliseconds, and happens aside."""
SHORT_ENCODED = 8 * 1024
"""The same for encoded bytes, which stand for ten times as many, or a hundred."""

_RETRIED = (408, 409, 429)
_ASKINGS = 3

_NO_ANSWER = {502: "upstream_unreachable", 503: "unavailable", 504: "upstream_timeout"}

Aside = Callable[[Callable[[], Any]], Oneshot[Any]]
"""Runs work in a thread; filled with its result."""


class GatewayStats:
    """Counters of one worker. Invariants: admitted = forwarded + refused; forwarded = the ends + open."""

    __slots__ = ("admitted", "ends", "faults", "forwarded", "limited", "open", "refused", "unrecorded")

    def __init__(self) -> None:
        self.admitted = 0
        self.forwarded = 0
        self.refused = 0
        self.limited = 0
        self.open = 0
        self.unrecorded = 0
        self.faults = 0
        self.ends = {"completed": 0, "upstream_error": 0, "client_gone": 0, "cut": 0}

    @property
    def walking(self) -> int:
        """Exchanges whose end is not yet in the figures, nor on its way into the ledger."""
        return self.admitted - self.refused - sum(self.ends.values())


class Corridor:
    """One worker's corridor. `house` is replaced as a whole when a new snapshot is in force; a walk keeps the one it began with."""

    def __init__(
        self,
        house: House,
        ledger: Ledger,
        clock: Clock,
        aside: Aside,
        on_fault: Callable[[BaseException, Exchange], None],
        references: References | None = None,
        pause: Pause = no_pause,
        reader: Reader | None = None,
    ) -> None:
        self.house = house
        self._references = references
        self.stats = GatewayStats()
        self.figures = Figures()
        self.relays: set[Relay | Session] = set()
        self._ledger = ledger
        self._clock = clock
        self._aside = aside
        self._carriers = Carriers(ledger, clock, aside, pause, references, reader)
        self._on_fault = on_fault
        self._ids = RecordIds()

    def enter(self, request: Request) -> None:
        """A request has arrived: let it walk."""
        at = self._clock.utc_us()
        exchange = Exchange(self._ids.next(at), at, request.arrived_ns, request)
        self.stats.admitted += 1
        house = self.house
        drive(self._walk(exchange, house), lambda error: self._fault(error, exchange, house))

    async def _walk(self, exchange: Exchange, house: House) -> None:
        try:
            exchange.route = house.route(exchange)
            exchange.caller = house.identity.recognise(exchange)
            exchange.stream = self._open_record(exchange, house)
            if exchange.caller.refused is not None:
                raise exchange.caller.refused
            exchange.body = at_hand(exchange) or await receive(exchange)
            carrier = self._carriers.of(exchange, house) if exchange.route.endpoint.carries else None
            short = exchange.request.received <= (SHORT_ENCODED if b"content-encoding" in exchange.request.head.values else SHORT)
            if carrier is not None:
                exchange.facts = await carrier.read()
            else:
                exchange.facts = understand(exchange) if short else await self._carriers.reader.understand(exchange)
            house.name_end_user(exchange)
            if exchange.facts.references and self._references is not None:
                exchange.refers = self._references.resolve(exchange)
            exchange.call = called(exchange)
            exchange.verdict = house.judges.terms(exchange)
            exchange.decision = house.judges.policy(exchange)
            if carrier is not None:
                carrier.judged.decide()
            if exchange.decision.transforms:
                await self._transform(exchange)
            await self._limit(exchange, house, carrier.judged.spent if carrier else NOTHING)
            self.figures.judged(exchange)
            _obey(exchange)
            exchange.intent = await self._record_intent(exchange, house)
        except Refused as refused:
            await self._refuse(exchange, house, refused)
            return
        except LedgerUnavailableError as error:
            await self._refuse(exchange, house, _unavailable(error))
            return
        if exchange.route.upgrades:
            await self._converse(exchange, house)
            return
        try:
            exchange.answer = await ask(exchange, house)
        except UpstreamError as failure:
            await self._no_answer(exchange, house, failure)
            return
        await self._relay(exchange, house)

    async def _transform(self, exchange: Exchange) -> None:
        """Change the body as rules ask, or have the decision say that it cannot be changed."""
        if exchange.request.received <= SHORT:
            transform(exchange)
        else:
            await self._aside(partial(transform, exchange))

    async def _limit(self, exchange: Exchange, house: House, spent: Spent) -> None:
        """Take what it may use. Where none is at hand but may be leased, that is waited for, some milliseconds at most."""
        grant = exchange.grant = house.judges.limit(exchange, spent)
        for _ in range(_ASKINGS):
            if grant.coming is None:
                return
            coming: Oneshot[None] = cast("Oneshot[None]", grant.coming)
            await coming
            grant = exchange.grant = house.judges.limit(exchange, spent)

    # --- the two waits

    def _open_record(self, exchange: Exchange, house: House) -> Stream:
        principal = exchange.caller.principal
        content = "digests" if principal.content == "digests" else house.ledger.content
        opened = self._ledger.session if exchange.route.upgrades else self._ledger.stream
        return opened(exchange.id, house.identity.sealed_for(exchange.caller), content)

    async def _record_intent(self, exchange: Exchange, house: House) -> Position | None:
        """The place of the durable intent, None when there is none and `ledger.on_failure: serve` lets the exchange go on."""
        intent = evidence.intent(exchange, house)
        try:
            body: Body = exchange.body
            position: Position = await exchange.stream.intent(intent, b"" if body.spooled else body.whole, body.sent)
        except LedgerUnavailableError:
            if house.ledger.on_failure != "serve" or exchange.body.spooled:  # what is on no disk cannot be fed from there
                raise
            self.stats.unrecorded += 1
            position = None  # type: ignore[assignment]
        self.figures.sent(exchange, self._clock.monotonic_ns())
        self.stats.forwarded += 1
        self.stats.open += 1
        exchange.counted = "open"
        return position

    async def _record_outcome(self, exchange: Exchange, house: House, outcome: Outcome, withheld: int = 0) -> bool:
        """Whether the answer's end, its last `withheld` bytes, may be released."""
        self.stats.open -= 1
        self.stats.ends[outcome.outcome] += 1
        self.figures.ended(exchange.route.upstream.name, outcome.delivered_bytes, outcome.facts.usage)
        exchange.counted = "ended"
        house.judges.ended(exchange.grant)
        if exchange.intent is None:
            return True
        try:
            await exchange.stream.outcome(outcome, withheld)
        except LedgerUnavailableError:
            self.stats.unrecorded += 1
            return house.ledger.on_failure == "serve"
        return True

    # --- the ways out

    async def _refuse(self, exchange: Exchange, house: House, refused: Refused) -> None:
        refused.__traceback__ = None  # its frames hold it, and so body and house until a collection
        await self._record_refusal(exchange, house, refused)
        self._answer(exchange, house, refused)

    async def _record_refusal(self, exchange: Exchange, house: House, refused: Refused) -> None:
        self.stats.refused += 1
        self.stats.limited += int(refused.status == 429)
        exchange.counted = "refused"
        house.judges.release(exchange.grant)
        stream: Stream = exchange.stream or self._ledger.stream(exchange.id, NOBODY.name, house.ledger.content)
        body = exchange.body.whole if exchange.body and not exchange.body.spooled else b""
        try:
            await stream.refusal(evidence.refusal(exchange, house, refused), body)
        except LedgerUnavailableError:
            self.stats.unrecorded += 1

    def _answer(self, exchange: Exchange, house: House, refused: Refused) -> None:
        request: Request = exchange.request
        refused = house.disclosed(refused, exchange)
        dialect = exchange.route.dialect if exchange.route else by_name("openai")
        close = not request.keep_alive
        request.write(refusal.answer(dialect, refused, exchange, close=close, head_only=request.head.method == "HEAD"))
        request.finish(close=close)

    async def _no_answer(self, exchange: Exchange, house: House, error: UpstreamError) -> None:
        """The upstream gave no answer, or nobody was left to take it."""
        request: Request = exchange.request
        if error.sent and request.gone:  # whoever hangs up in time would else ask without limit
            house.judges.given_up(exchange)
        else:
            house.judges.release(exchange.grant)
        ending = CLIENT_GONE if request.gone else Ending("upstream_error", str(error))
        outcome = evidence.outcome(exchange, ending, self._clock.utc_us(), self._clock.monotonic_ns())
        recorded = await self._record_outcome(exchange, house, outcome)
        refused = Refused(error.status, _NO_ANSWER[error.status], f"{exchange.route.upstream.name}: {error}")
        if not recorded:
            refused = _unavailable(LedgerUnavailableError("the outcome was not recorded"))
        self._answer(exchange, house, refused)

    async def _relay(self, exchange: Exchange, house: House) -> None:
        route: Route = exchange.route
        answer: Answer = exchange.answer
        relay = Relay(
            exchange.request,
            answer.head,
            answer.connection,
            _reader(route, answer),
            _decoder(answer),
            exchange.stream,
            record_id=exchange.id,
            answered_ns=self._clock.monotonic_ns(),
            unsynced_limit=house.ledger.unsynced_bytes,
        )
        if 200 <= answer.head.status < 300:
            house.identity.accept(exchange.caller)
        self.relays.add(relay)
        relay.start(cancel=house.cancels)
        ending = await relay.ended
        outcome = evidence.outcome(exchange, ending, self._clock.utc_us(), self._clock.monotonic_ns())
        short = relay.received <= (SHORT_ENCODED if relay.encoded else SHORT)
        facts = relay.facts() if short else await self._carriers.reader.answered(exchange, relay)
        evidence.with_answer(outcome, exchange, answer.head, relay, facts)
        if exchange.grant.held is not None:
            _settle(exchange, house, outcome, facts)
        if (facts.created or (facts.upstream_id or "")[:5] == "resp_") and self._references is not None and outcome.status < 300:
            self._references.remember(exchange, facts)
        self.relays.discard(relay)
        if not await self._record_outcome(exchange, house, outcome, outcome.delivered_bytes - relay.delivered):
            ending = Ending("cut", "the outcome was not recorded")
        _finish(relay, ending, exchange)

    async def _converse(self, exchange: Exchange, house: House) -> None:
        """Ask the upstream to switch, and carry the session to its end if it does."""
        try:
            answer = exchange.answer = await switch(exchange, house.gateway.first_byte_seconds)
        except UpstreamError as error:
            await self._no_answer(exchange, house, error)
            return
        if answer.head.status != SWITCHED:
            await self._relay(exchange, house)
            return
        house.identity.accept(exchange.caller)
        session = session_of(
            exchange, house, self._ids, self._clock, lambda error: self._on_fault(error, exchange), self._references
        )
        session.turns.elsewhere = self._carriers.reader
        self.relays.add(session)
        session.start(answer.head, exchange.id)
        ending = await session.ended
        outcome = evidence.outcome(exchange, ending, self._clock.utc_us(), self._clock.monotonic_ns())
        evidence.with_answer(outcome, exchange, answer.head, session, session.facts())
        self.relays.discard(session)
        self.stats.unrecorded += int(session.unkept)
        if not await self._record_outcome(exchange, house, outcome, outcome.delivered_bytes - session.delivered):
            ending = Ending("cut", "the outcome was not recorded")
        session.finish(ending)

    def drain(self) -> None:
        """Let sessions end between two turns; they could go on for an hour."""
        for relay in list(self.relays):
            if isinstance(relay, Session):
                relay.drain()

    def _fault(self, error: BaseException, exchange: Exchange, house: House) -> None:
        """A defect of ours ended the walk: the client must not take what it has for whole, and what can be recorded is."""
        self.stats.faults += 1
        exchange.request.abort()
        self._on_fault(error, exchange)
        drive(self._account(exchange, house), lambda another: self._on_fault(another, exchange))

    async def _account(self, exchange: Exchange, house: House) -> None:
        """Bring to an end, upstream, in the figures and in the ledger, an exchange that has nobody left to walk it."""
        request: Request = exchange.request
        if exchange.counted == "":
            await self._record_refusal(exchange, house, Refused(500, "defect", ""))
        elif exchange.counted == "open":
            outcome = evidence.outcome(exchange, Ending("cut", "defect"), self._clock.utc_us(), self._clock.monotonic_ns())
            relay = next((relay for relay in self.relays if relay.request is request), None)
            if relay is not None:
                self.relays.discard(relay)
                relay.cut("defect")
                with suppress(Exception):  # what it can hold beyond the outcome may be the very defect
                    evidence.with_answer(outcome, exchange, exchange.answer.head, relay, AnswerFacts(unread=relay.received > 0))
            elif exchange.answer is not None:
                exchange.answer.connection.abort()
            elif request.on_gone is not None:
                request.on_gone()
            await self._record_outcome(exchange, house, outcome)


def _obey(exchange: Exchange) -> None:
    """Carry out what terms, policy and limits came to. Raises: Refused 403, 429."""
    refused = objection(exchange.verdict, exchange.decision, exchange.grant)
    if refused is not None:
        raise refused


def _settle(exchange: Exchange, house: House, outcome: Outcome, facts: AnswerFacts) -> None:
    """Count what was used. What failed and is asked again, by an SDK or a person, counts once: when it is answered."""
    route: Route = exchange.route
    status = outcome.status
    if status >= 500 or status in _RETRIED:
        house.judges.release(exchange.grant)
    elif not route.endpoint.carries:  # what lines use shows in answers to come
        house.judges.settle(exchange.grant, Usage() if status >= 400 else facts.usage)


def _unavailable(error: LedgerUnavailableError) -> Refused:
    return Refused(503, "ledger_unavailable", f"The exchange could not be recorded, so it was not made ({error}).", wait=1)


def _finish(relay: Relay, ending: Ending, exchange: Exchange) -> None:
    """Let the client have what its answer came to."""
    if ending.outcome == "completed":
        relay.release()
    elif ending.outcome == "upstream_error":
        relay.break_off()
    elif ending.outcome == "cut":
        message = f"The answer was cut: {ending.error}."
        if relay.head_sent:
            relay.end_with_error("answer_cut", message, exchange.id)
        else:
            refused = Refused(503, "answer_cut", message, wait=1)
            request: Request = exchange.request
            head_only = request.head.method == "HEAD"
            request.write(refusal.answer(exchange.route.dialect, refused, exchange, close=True, head_only=head_only))
            request.finish(close=True)


def _reader(route: Route, answer: Answer) -> AnswerReader:
    return route.endpoint.answer(_shape(answer.head.values.get(b"content-type", b"")), False)


@lru_cache(maxsize=64)
def _shape(content_type: bytes) -> str:
    kind = content_type.lower()
    return "sse" if kind.startswith(b"text/event-stream") else "json" if b"json" in kind else "other"


def _decoder(answer: Answer) -> Decoder | None:
    coding = answer.head.values.get(b"content-encoding")
    return None if coding is None or coding.lower() == b"identity" else Decoder(coding)
