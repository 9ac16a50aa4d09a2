"""A whole gateway in memory: real wire, routes, identity, corridor and relay between a client's bytes and an upstream's.

The ledger is a fake that a test fills, fails or holds back; `journal` has, in order, what left for whom and what became durable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from proxy.core.decision import ALLOWED, GRANTED, NO_OBJECTION, Decision, Grant, Verdict
from proxy.core.errors import LedgerUnavailableError
from proxy.core.exchange import Exchange
from proxy.core.facts import Usage
from proxy.core.oneshot import Oneshot
from proxy.core.principal import Principal
from proxy.core.rules import Bundle
from proxy.core.snapshot import CredentialEntry, GatewayOptions, LedgerOptions, Line, UpstreamOptions
from proxy.gateway.allowances import NOTHING, Spent
from proxy.gateway.corridor import Corridor
from proxy.gateway.house import House, build
from proxy.gateway.refusal import not_a_request
from proxy.ledger.record import Intent, Outcome, Position, Refusal, Turn
from proxy.wire.deadlines import Deadlines
from proxy.wire.listener import Listener
from proxy.wire.server import ServerConnection
from tests.unit.wire.faked import Callee, FakeLoop, FakeTransport

IDENTITY_KEY = b"k" * 32
UPSTREAMS = {
    "openai": UpstreamOptions("openai", "openai", "http://api.openai.test", api_key_env="OPENAI_KEY"),
    "anthropic": UpstreamOptions("anthropic", "anthropic", "http://api.anthropic.test/base", api_key_env="ANTHROPIC_KEY"),
    "gemini": UpstreamOptions("gemini", "gemini", "http://gemini.test"),
    "open": UpstreamOptions("open", "passthrough", "http://open.test:8000"),
}
VIRTUAL_KEY = b"tp_" + b"v" * 40
SECRET = "sk-provider-secret"
CHAT = b'{"model":"m-1","messages":[{"role":"user","content":"hello"}]}'
KEYED = (b"Authorization: Bearer sk-client",)


def fingerprint(secret: bytes) -> str:
    """Of a virtual key."""
    return hashlib.sha256(secret).hexdigest()


def post(path: bytes = b"/openai/v1/chat/completions", body: bytes = CHAT, *fields: bytes, method: bytes = b"POST") -> bytes:
    """A request; without fields it has a bearer key and JSON as its type."""
    lines = [
        b"%b %b HTTP/1.1" % (method, path),
        b"Host: proxy.test",
        *(fields or (*KEYED, b"Content-Type: application/json")),
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes, *fields: bytes) -> bytes:
    """A request without body."""
    return b"\r\n".join([b"GET %b HTTP/1.1" % path, b"Host: proxy.test", *(fields or KEYED), b"", b""])


def whole(body: bytes = b'{"ok":1}', *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with Content-Length."""
    return b"\r\n".join([b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body), b"", b""]) + body


class FakeClock:
    """Time that stands still unless moved."""

    def __init__(self) -> None:
        self.us = 1_800_000_000_000_000

    def utc_us(self) -> int:
        """Microseconds since 1970."""
        return self.us

    def monotonic_ns(self) -> int:
        """Nanoseconds."""
        return self.us * 1000


class FakeReadBack:
    """The pieces of one body, in order."""

    def __init__(self, pieces: list[bytes], *, fails: bool) -> None:
        self._pieces = pieces
        self._at = 0
        self._fails = fails

    def next(self) -> Oneshot[bytes]:
        """The next of them."""
        oneshot: Oneshot[bytes] = Oneshot()
        if self._fails:
            oneshot.fail(LedgerUnavailableError("EIO"))
        oneshot.set(self._pieces[self._at] if self._at < len(self._pieces) else b"")
        self._at += 1
        return oneshot


class FakeStream:
    """One record as it is written."""

    def __init__(self, ledger: FakeLedger, record_id: str, principal: str, content: str) -> None:
        self.id, self.principal, self.content, self.full = record_id, principal, content, content == "full"
        self.on_synced: Callable[[], None] | None = None
        self.answered = b""
        self.unsynced = 0
        self.body = b""
        self.sent: bytes | None = None
        self.pieces: list[bytes] = []
        self._ledger = ledger

    def request_piece(self, piece: bytes) -> Oneshot[None]:
        """A piece of a long body."""
        self.pieces.append(piece)
        return self._ledger.settle("piece", None)

    def read_back(self) -> FakeReadBack:
        """The pieces, from the first on."""
        return FakeReadBack(self.pieces, fails="read_back" in self._ledger.fails)

    def intent(self, intent: Intent, body: bytes, sent: bytes | None = None) -> Oneshot[Position]:
        """What is about to be asked."""
        self.body, self.sent = body, sent
        return self._ledger.settle("intent", intent)

    def refusal(self, refusal: Refusal, body: bytes) -> Oneshot[Position]:
        """What was answered by us."""
        self.body = body
        return self._ledger.settle("refusal", refusal)

    def outcome(self, outcome: Outcome, _withheld: int) -> Oneshot[Position]:
        """How it ended."""
        return self._ledger.settle("outcome", outcome)

    def answer(self, piece: bytes) -> int:
        """Bytes of the answer."""
        self.answered += piece
        self.unsynced += len(piece)
        return self.unsynced

    def client_piece(self, piece: bytes) -> Oneshot[None]:
        """What the client of a session says."""
        return self._ledger.settle("said", piece)

    def turn(self, turn: Turn) -> Oneshot[Position]:
        """A turn of a session."""
        return self._ledger.settle("turn", turn)

    def synced(self) -> None:
        """A tick made everything durable."""
        self.unsynced = 0
        if self.on_synced is not None:
            self.on_synced()


class FakeLines:
    """The lines of a carrier; each is an entry `line` of the journal."""

    unsynced = 0

    def __init__(self, ledger: FakeLedger) -> None:
        self._ledger = ledger

    def begin(self, number: int) -> Any:
        """A digest."""
        return hashlib.sha256(b"%d" % number)

    def write(self, lines: Sequence[Any]) -> Oneshot[None]:
        """Some of them."""
        return [self._ledger.settle("line", each) for each in lines][-1]


class FakeLedger:
    """Records in memory. Words in `fails` (`piece | intent | refusal | said | turn | outcome`) fail, those in `holds` wait for
    `let`.
    """

    def __init__(self, journal: list[tuple[str, Any]]) -> None:
        self.journal = journal
        self.streams: list[FakeStream] = []
        self.fails: set[str] = set()
        self.holds: set[str] = set()
        self._held: list[tuple[str, Any, Oneshot[Any]]] = []

    def stream(self, record_id: str, principal: str, content: str) -> FakeStream:
        """Begin a record."""
        self.streams.append(FakeStream(self, record_id, principal, content))
        return self.streams[-1]

    def lines(self, _stream: FakeStream) -> FakeLines:
        """What writes the queries in a body."""
        return FakeLines(self)

    session = stream

    def settle(self, what: str, entry: Any) -> Oneshot[Any]:
        """Make an entry durable, at once or later, or not at all."""
        oneshot: Oneshot[Any] = Oneshot()
        if what in self.fails:
            oneshot.fail(LedgerUnavailableError("disk full"))
        elif what in self.holds:
            self._held.append((what, entry, oneshot))
        else:
            self.journal.append((what, entry))
            oneshot.set(Position("i", 1, len(self.journal)))
        return oneshot

    def let(self, *, fail: bool = False) -> None:
        """What was held back becomes durable, or fails."""
        held, self._held = self._held, []
        for what, entry, oneshot in held:
            if fail:
                oneshot.fail(LedgerUnavailableError("disk full"))
            else:
                self.journal.append((what, entry))
                oneshot.set(Position("i", 1, len(self.journal)))


class FakeSteps:
    """Judges that allow everything unless told otherwise; `asked` is the order in which they were asked."""

    def __init__(self) -> None:
        self.verdict, self.decision, self.grant = NO_OBJECTION, ALLOWED, GRANTED
        self.bundle = Bundle()
        self.asked: list[str] = []
        self.settled, self.released = list[tuple[Grant, Usage | None]](), list[Grant]()

    def terms(self, exchange: Exchange) -> Verdict:
        """What the terms say."""
        assert exchange.facts is not None
        self.asked.append("terms")
        return self.verdict

    def policy(self, exchange: Exchange) -> Decision:
        """Whether it may be made."""
        assert exchange.verdict is self.verdict
        self.asked.append("policy")
        return self.decision

    def limit(self, exchange: Exchange, carried: Spent = NOTHING) -> Grant:
        """How fast."""
        self.asked.append("limit")
        return self.grant

    def settle(self, grant: Grant, usage: Usage | None) -> None:
        """What it used."""
        self.settled.append((grant, usage))

    def release(self, grant: Grant) -> None:
        """It was not made."""
        self.released.append(grant)

    def ended(self, _told: Grant | Exchange) -> None:
        """It is no longer open, or its client has left."""

    given_up = ended


def aside(work: Callable[[], Any]) -> Oneshot[Any]:
    """Work that a thread would do, done at once."""
    oneshot: Oneshot[Any] = Oneshot()
    try:
        oneshot.set(work())
    except Exception as error:  # noqa: BLE001 - as a thread would hand it over
        oneshot.fail(error)
    return oneshot


def line(value: msgspec.Struct) -> Line:
    """A snapshot's entry."""
    return Line(value=msgspec.Raw(msgspec.json.encode(value)))


class Stage:
    """The gateway. `options`: fields of GatewayOptions; `ledger`: fields of LedgerOptions."""

    def __init__(
        self,
        *,
        upstreams: Mapping[str, UpstreamOptions] = UPSTREAMS,
        principals: tuple[Principal, ...] = (),
        credentials: Mapping[str, CredentialEntry] | None = None,
        ledger: Mapping[str, Any] | None = None,
        corridor: type[Corridor] = Corridor,
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.loop = FakeLoop()
        self.journal: list[tuple[str, Any]] = []
        self.clock = FakeClock()
        self.callee = Callee(self.loop)
        self.callee.on_connect = lambda transport: setattr(transport, "on_write", lambda sent: self.journal.append(("sent", sent)))
        self.ledger = FakeLedger(self.journal)
        self.steps = FakeSteps()
        self.faults: list[BaseException] = []
        self.accepted: set[str] = set()
        self.lines = {
            "gateway": {"options": line(GatewayOptions(**options))},
            "ledger": {"options": line(LedgerOptions(**(ledger or {})))},
            "upstream": {name: line(upstream) for name, upstream in upstreams.items()},
            "principal": {principal.name: line(principal) for principal in principals},
            "credential": {name: line(entry) for name, entry in (credentials or {}).items()},
        }
        keys = {"OPENAI_KEY": SECRET, "ANTHROPIC_KEY": SECRET} if environment is None else environment
        self.house: House = build(
            self.lines, 7, lambda _: self.callee.pool, keys, IDENTITY_KEY, self.accepted, lambda _: self.steps
        )
        self.corridor = corridor(self.house, self.ledger, self.clock, aside, lambda error, _: self.faults.append(error))
        self.deadlines = Deadlines(self.loop)  # type: ignore[arg-type]
        self.listener = Listener(
            self.loop,  # type: ignore[arg-type]
            GatewayOptions(**options),
            self.deadlines,
            self.clock.monotonic_ns,
            self.corridor.enter,
            not_a_request,
        )

    def client(self, sent: bytes = b"", peername: Any = ("192.0.2.7", 40000)) -> FakeTransport:
        """A connection of a client that has sent something."""
        protocol = ServerConnection(self.listener)
        transport = FakeTransport(self.loop, protocol, peername)
        transport.on_write = lambda told: self.journal.append(("told", told))
        protocol.connection_made(transport)
        if sent:
            transport.feed(sent)
        return transport

    @property
    def upstream(self) -> FakeTransport:
        """The upstream's end of the newest connection."""
        return self.callee.transports[-1]

    @property
    def sent(self) -> bytes:
        """All that went upstream."""
        return b"".join(transport.taken for transport in self.callee.transports)

    @property
    def events(self) -> list[str]:
        """The journal's words."""
        return [what for what, _ in self.journal]

    def entries(self, what: str) -> list[Any]:
        """Durable entries of a kind."""
        return [entry for kind, entry in self.journal if kind == what]

    @property
    def intent(self) -> Intent:
        """The one intent."""
        (entry,) = self.entries("intent")
        assert isinstance(entry, Intent)
        return entry

    @property
    def outcome(self) -> Outcome:
        """The one outcome."""
        (entry,) = self.entries("outcome")
        assert isinstance(entry, Outcome)
        return entry

    @property
    def refusal(self) -> Refusal:
        """The one refusal."""
        (entry,) = self.entries("refusal")
        assert isinstance(entry, Refusal)
        return entry

    def check_figures(self) -> None:
        """What must hold whenever no exchange is in a wait of ours.

        Raises: AssertionError.
        """
        stats = self.corridor.stats
        assert stats.admitted == stats.forwarded + stats.refused, vars_of(stats)
        assert stats.forwarded == sum(stats.ends.values()) + stats.open, vars_of(stats)
        assert not self.faults, self.faults


def vars_of(slotted: Any) -> dict[str, Any]:
    """A slotted object's fields, for messages."""
    return {name: getattr(slotted, name) for name in slotted.__slots__}


def status_of(told: bytes | bytearray) -> int:
    """Of an answer's first line."""
    return int(bytes(told[9:12]))


def told_error(told: bytes | bytearray) -> dict[str, Any]:
    """The error of an OpenAI-shaped answer of ours."""
    head, _, body = bytes(told).partition(b"\r\n\r\n")
    assert b"\r\nx-tos-source: proxy\r\n" in head + b"\r\n"
    error: dict[str, Any] = msgspec.json.decode(body)["error"]
    return error
