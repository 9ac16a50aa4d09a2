"""Sessions: two streams of messages on one connection, and the turns in them (ADR 0011). Pure, like every dialect.

A turn is one answer of the model and all that was said to it since the turn before. A dialect's reader is given each whole
message with its place in the bytes of its direction, in the order in which the two directions were read; `take` hands out turns as
they begin and again when they have ended. A reader never raises but for what `asked` says.
"""

from __future__ import annotations

import copy
from typing import Any, Protocol

import msgspec

from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.dialects.gathering import Gathering
from proxy.dialects.jsonio import inspect_json, read_leniently
from proxy.dialects.parameters import flag, refer_path

_BLANK = b" \t\r\n"
_COUNTED = ("messages", "system_chars", "prompt_chars", "media", "audio_bytes")
_INSPECTION = ("none", "partial", "full")
_NAMED = tuple(name for name in RequestFacts.__struct_fields__ if name not in (*_COUNTED, "flags", "references", "inspection"))

MESSAGE_CAP = 16 * 1024 * 1024
"""Bytes of one message that are put together to be read; a client's may not be longer, an upstream's is passed on unread."""
UNHEARD = "reading_failed"
"""Why a session ends whose client's message nobody could read: it may ask for an answer that nobody has judged."""
MOST_OPEN = 64
"""Turns of one session that can be open at once; providers allow one, or a few out of band."""
MOST_TURNS = 100_000
"""Turns of one session; what comes beyond is recorded, not read, so that a session cannot fill a ledger with entries."""


class SessionTurn(msgspec.Struct):
    """One turn. `asked` and `answered`: first byte and end in the bytes that client and upstream sent. `outcome` is empty while it
    is open, then `completed | upstream_error` or what the session's end made of it.
    """

    number: int
    asked: tuple[int, int]
    answered: tuple[int, int]
    request: RequestFacts
    answer: AnswerFacts
    outcome: str = ""
    error: str = ""


class Settled(msgspec.Struct, omit_defaults=True):
    """What a session has come to, as far as a message of the client's is read by it: what holds for its turns."""

    facts: RequestFacts
    model: str | None = None
    kind: str = ""

    def apart(self) -> Settled:
        """The same, with facts of its own: what is read from now on changes only one of the two."""
        return Settled(copy.copy(self.facts), self.model, self.kind)


class Heard(msgspec.Struct, omit_defaults=True):
    """What a client's message says, as one process tells it another: what it adds to the turn's input, what it settles, and by
    which name it asks for an answer; None if it does not.
    """

    input: RequestFacts
    settled: Settled | None = None
    begins: str | None = None


class SessionReader(Protocol):
    """Reads one session."""

    @property
    def open_turns(self) -> int:
        """Turns under way."""
        ...

    def lent(self) -> Settled:
        """What the session has come to, for another reader that `hears` the next message."""
        ...

    def asked(self, payload: bytes, start: int, end: int) -> None:
        """Read a message of the client's. Raises: StrictJSONError when two parsers could read it differently."""
        ...

    def heard(self, heard: Heard, end: int) -> None:
        """Take in what another reader `hears` in a message of the client's, on what was `lent` last."""
        ...

    def hear(self, payload: bytes, settled: Settled) -> Heard:
        """Read a message of the client's for another reader, which has come to `settled`; this one reads nothing else.

        Raises: StrictJSONError.
        """
        ...

    def answered(self, payload: bytes | None, start: int, end: int) -> None:
        """Read a message of the upstream's, None when it was too long to be kept."""
        ...

    def close(self, outcome: str, error: str) -> None:
        """The session has ended: so have all turns that are open."""
        ...

    def take(self) -> list[SessionTurn]:
        """The turns that began or ended since the last call, in that order."""
        ...

    def facts(self) -> AnswerFacts:
        """The session as a whole: sums over its turns."""
        ...

    def error_message(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """The payload of a text message by which this provider tells of an error; empty when it has none."""
        ...


class OpenTurn:
    """A turn under way."""

    __slots__ = ("answered_at", "asked", "gathering", "number", "request")

    def __init__(self, number: int, asked: tuple[int, int], answered_at: int, request: RequestFacts, *, collect: bool) -> None:
        self.number = number
        self.asked = asked
        self.answered_at = answered_at
        self.request = request
        self.gathering = Gathering(collect=collect)


class TurnReader:
    """What the readers of all dialects share: turns by a key of the dialect's, and sums. A dialect gives `ask opens answer`."""

    def __init__(self, model: str | None, *, collect: bool, kind: str = "") -> None:
        self.settled = Settled(RequestFacts(), model, kind)
        self.input = RequestFacts()
        self.turns: dict[Any, OpenTurn] = {}
        self._collect = collect
        self._numbers = 0
        self._asked_from = 0
        self.asked_to = 0
        self.answered_to = 0
        self._said: list[SessionTurn] = []
        self._sums = AnswerFacts()
        self._usage: Usage | None = None
        self._hears: Heard | None = None
        self._lent = self.settled

    def ask(self, event: Any, start: int, end: int) -> None:
        """Read a client's message as a tree."""
        raise NotImplementedError

    def opens(self, name: str, end: int) -> None:
        """Begin the turn for which a client's message asks by this name, unless it is of those that ask for nothing new."""
        raise NotImplementedError

    def answer(self, event: Any, start: int, end: int) -> None:
        """Read an upstream's message as a tree."""
        raise NotImplementedError

    def begins(self, name: str, end: int) -> None:
        """A client's message asks for an answer."""
        if self._hears is None:
            self.opens(name, end)
        else:
            self._hears.begins = name

    @property
    def open_turns(self) -> int:
        """Turns under way."""
        return len(self.turns)

    def asked(self, payload: bytes, start: int, end: int) -> None:
        """See `SessionReader.asked`."""
        self.asked_to = end
        if not payload.lstrip(_BLANK).startswith(b"{"):  # raw audio, perhaps; no API here reads anything but objects
            flag(self.input, "not_json")
            self.ask(None, start, end)
            return
        inspected = inspect_json(payload)
        for reason in inspected.flags:
            flag(self.input, reason)
        self.ask(inspected.tree, start, end)

    def lent(self) -> Settled:
        """See `SessionReader.lent`."""
        self._lent = self.settled.apart()
        return self._lent

    def hear(self, payload: bytes, settled: Settled) -> Heard:
        """See `SessionReader.hear`."""
        self.settled = settled.apart()
        self._hears = heard = Heard(self.input)
        self.asked(payload, 0, 0)
        heard.input = self.input
        heard.settled = self.settled if self.settled != settled else None
        return heard

    def heard(self, heard: Heard, end: int) -> None:
        """See `SessionReader.heard`."""
        self.asked_to = end
        if heard.settled is not None:
            self.settled = _resettled(self._lent, heard.settled, self.settled)
        self.input = joined(self.input, heard.input)
        if heard.begins is not None:
            self.opens(heard.begins, end)

    def answered(self, payload: bytes | None, start: int, end: int) -> None:
        """See `SessionReader.answered`."""
        self._sums.events += 1
        self.answered_to = end
        tree = read_leniently(payload) if payload is not None else None
        if type(tree) is not dict:
            self._sums.unread = True
        self.answer(tree, start, end)

    def begin(self, key: Any, asked_end: int, answered_at: int) -> OpenTurn | None:
        """Begin a turn that has all input since the last one; None when there are too many."""
        if len(self.turns) >= MOST_OPEN or self._numbers >= MOST_TURNS or key in self.turns:
            self._sums.unread = True
            return None
        request, self.input = self.input, RequestFacts()
        if request.model is None:
            request.model = self.settled.model
        self._numbers += 1
        turn = OpenTurn(self._numbers, (self._asked_from, asked_end), answered_at, request, collect=self._collect)
        self._asked_from = asked_end
        self.turns[key] = turn
        self._said.append(SessionTurn(turn.number, turn.asked, (answered_at, answered_at), copy.copy(request), AnswerFacts()))
        return turn

    def rename(self, key: Any, new: Any) -> OpenTurn:
        """The turn has got the name by which the provider tells it from others."""
        turn = self.turns[new] = self.turns.pop(key)
        return turn

    def end(self, key: Any, answered_end: int, outcome: str, error: str = "") -> None:
        """End a turn, and add it to the sums."""
        turn = self.turns.pop(key)
        answer = turn.gathering.facts()
        if answer.model is None:
            answer.model = self.settled.model
        sums, usage = self._sums, answer.usage
        sums.text_chars += answer.text_chars
        sums.reasoning_chars += answer.reasoning_chars
        sums.tool_calls += answer.tool_calls
        sums.audio_bytes += answer.audio_bytes
        if usage is not None:
            self._usage = _added(self._usage or Usage(), usage)
        if error:
            sums.error = error
        self._said.append(
            SessionTurn(turn.number, turn.asked, (turn.answered_at, answered_end), turn.request, answer, outcome, error)
        )

    def close(self, outcome: str, error: str) -> None:
        """See `SessionReader.close`."""
        for key in list(self.turns):
            self.end(key, max(self.answered_to, self.turns[key].answered_at), outcome, error)

    def take(self) -> list[SessionTurn]:
        """See `SessionReader.take`."""
        said = self._said
        if said:
            self._said = []
        return said

    def facts(self) -> AnswerFacts:
        """See `SessionReader.facts`."""
        facts = copy.copy(self._sums)
        facts.model = self.settled.model
        facts.usage = self._usage
        facts.choices = self._numbers
        return facts


def _added(one: Usage, other: Usage) -> Usage:
    return Usage(one.input + other.input, one.output + other.output, one.cached + other.cached, one.reasoning + other.reasoning)


def _resettled(lent: Settled, changed: Settled, now: Settled) -> Settled:
    """What a message changes of what was lent holds; of all else, what the upstream has said meanwhile."""
    facts = copy.copy(now.facts)
    for name in RequestFacts.__struct_fields__:
        if (value := getattr(changed.facts, name)) != getattr(lent.facts, name):
            setattr(facts, name, value)
    model = changed.model if changed.model != lent.model else now.model
    return Settled(facts, model, changed.kind if changed.kind != lent.kind else now.kind)


def joined(known: RequestFacts, more: RequestFacts) -> RequestFacts:
    """What was said so far, and what one message more says: counts are added, what it names takes the place of what was named."""
    facts, plain = copy.copy(more), RequestFacts()
    for name in _NAMED:
        if getattr(more, name) == getattr(plain, name):
            setattr(facts, name, getattr(known, name))
    for name in _COUNTED:
        setattr(facts, name, getattr(known, name) + getattr(more, name))
    facts.flags = [*known.flags, *(reason for reason in more.flags if reason not in known.flags)]
    facts.references = list(known.references)
    refer_path(facts, tuple(more.references))
    facts.inspection = min(known.inspection, more.inspection, key=_INSPECTION.index)
    return facts


def decoded_bytes(encoded: Any) -> int:
    """How many bytes a text of base64 stands for; 0 for anything else."""
    if type(encoded) is not str:
        return 0
    return len(encoded) * 3 // 4 - (2 if encoded.endswith("==") else 1 if encoded.endswith("=") else 0)
