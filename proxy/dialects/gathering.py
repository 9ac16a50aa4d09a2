"""What a reader of answers gathers as it goes: counts always, texts only on request, in the order in which each choice got them."""

from __future__ import annotations

import copy
from typing import Any

from proxy.core.facts import AnswerFacts, Usage
from proxy.dialects.jsonio import INT64_MAX

WORD_LIMIT = 256
"""Characters of a name (model, id, finish, error type) that a record keeps; a provider's own are far shorter."""

_MOST_NAMED = 64  # objects and addresses that a record keeps of one answer
_MAX_DISTINCT = 4096  # choices and tool calls told apart, so that a hostile answer cannot grow our memory by their numbers


def word(value: Any) -> str | None:
    """A provider's short text fit for a record, None when it is empty or no text."""
    return value[:WORD_LIMIT] if type(value) is str and value else None


def count(value: Any) -> int:
    """A provider's count, 0 when it is none."""
    return value if type(value) is int and 0 <= value <= INT64_MAX else 0


def error_word(error: Any) -> str | None:
    """The type of a provider's error: the first word among `type`, `status` and `code`, else the first number; `error` when it
    names none, None without one.
    """
    if not error:
        return None
    if type(error) is dict:
        told = [error.get(key) for key in ("type", "status", "code")]
        for found in told:
            if named := word(found):
                return named
        for found in told:
            if type(found) is int:
                return str(count(found))
    return "error"


def create(gathering: Gathering, kind: str, identifier: Any) -> None:
    """Note an object that an answer shows to exist, by its kind and the provider's id; what is no id is skipped."""
    named = word(identifier)
    if named is not None:
        gathering.seen.created = _with(gathering.seen.created, f"{kind}:{named}"[:WORD_LIMIT])


def link(gathering: Gathering, address: Any) -> None:
    """Note an address that leads past the proxy, without its query, which may hold a credential."""
    if type(address) is str and address:
        gathering.seen.links = _with(gathering.seen.links, address.partition("?")[0][:WORD_LIMIT])


def _with(known: list[str], one: str) -> list[str]:
    """A list of its own: the default is shared by all facts."""
    return known if one in known or len(known) >= _MOST_NAMED else [*known, one]


class Gathering:
    """The facts of one answer under construction; `seen` is open to the readers, the methods keep counts and texts together."""

    def __init__(self, *, collect: bool) -> None:
        self.seen = AnswerFacts()
        self._collect = collect
        self._choices: set[int] = set()
        self._calls: dict[tuple[int, Any], list[str]] = {}
        self._texts: dict[int, list[str]] = {}
        self._reasoning: dict[int, list[str]] = {}

    def choice(self, index: Any) -> int:
        """Note a choice by its index; anything that is no index counts as the first."""
        number = index if type(index) is int else 0
        if number not in self._choices and len(self._choices) < _MAX_DISTINCT:
            self._choices.add(number)
            self.seen.choices = len(self._choices)
        return number

    def says(self, choice: int, piece: str) -> None:
        """Add a piece of what the model said."""
        self.seen.text_chars += len(piece)
        if self._collect:
            self._texts.setdefault(choice, []).append(piece)

    def thinks(self, choice: int, piece: str) -> None:
        """Add a piece of what the model thought."""
        self.seen.reasoning_chars += len(piece)
        if self._collect:
            self._reasoning.setdefault(choice, []).append(piece)

    def calls(self, choice: int, key: Any, *pieces: Any) -> None:
        """Add to a tool call, told from others by `key`: its name, its arguments, or more of them; what is no text is skipped."""
        known = self._calls.get((choice, key))
        if known is None:
            if len(self._calls) >= _MAX_DISTINCT:
                return
            known = self._calls[choice, key] = []
            self.seen.tool_calls = len(self._calls)
        if self._collect:
            known.extend(piece for piece in pieces if type(piece) is str)

    def uses(self, *, input_: int, output: int, cached: int = 0, reasoning: int = 0) -> None:
        """Set the usage; providers that report it more than once report totals."""
        self.seen.usage = Usage(input=input_, output=output, cached=cached, reasoning=reasoning)

    def names(self, model: Any, upstream_id: Any) -> None:
        """Note the model and the provider's id, the first time each is told."""
        seen = self.seen
        if seen.model is None:
            seen.model = word(model)
        if seen.upstream_id is None:
            seen.upstream_id = word(upstream_id)

    def facts(self) -> AnswerFacts:
        """A copy of the facts so far; texts hold one choice or call a line, choices in the order of their index."""
        facts = copy.copy(self.seen)
        if self._collect:
            facts.text = _joined(self._texts)
            facts.reasoning_text = _joined(self._reasoning)
            facts.tool_calls_text = "\n".join("".join(pieces) for pieces in self._calls.values())
        return facts


def _joined(pieces: dict[int, list[str]]) -> str:
    return "\n".join("".join(pieces[choice]) for choice in sorted(pieces))
