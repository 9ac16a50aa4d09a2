"""Reads the parameters of a request by a table from their names to readers, so that each dialect is a list of what it knows.

No reader raises: a value of the wrong type is left out and flagged `odd_types`, for some server may still take it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.gathering import WORD_LIMIT
from proxy.dialects.jsonio import INT64_MAX, INT64_MIN

MAX_REFERENCES = 64
"""References kept of one request; more are told by the flag `many_references`."""

_DIGITS = re.compile(r"-?[0-9]{1,19}")

Reader = Callable[[RequestFacts, Any], None]


def flag(facts: RequestFacts, reason: str) -> None:
    """Add a flag once, and with it that the request was not fully understood."""
    facts.inspection = "partial"
    if reason not in facts.flags:
        facts.flags.append(reason)


def odd(facts: RequestFacts) -> None:
    """Flag that a value which matters has a type the provider does not document."""
    flag(facts, "odd_types")


def refer(facts: RequestFacts, kind: str, identifier: Any) -> None:
    """Note something that the request uses but does not contain, as `kind:id`; the id is its provider's."""
    if type(identifier) is str:
        _note(facts, f"{kind}:{identifier[:WORD_LIMIT]}"[:WORD_LIMIT])
    else:
        flag(facts, "reference")
        odd(facts)


def refer_path(facts: RequestFacts, references: tuple[str, ...]) -> None:
    """Note what the path of a request refers to."""
    for reference in references:
        _note(facts, reference)


def _note(facts: RequestFacts, reference: str) -> None:
    flag(facts, "reference")
    if len(facts.references) >= MAX_REFERENCES:
        flag(facts, "many_references")
    elif reference not in facts.references:
        facts.references.append(reference)


def read_parameters(table: Mapping[str, Reader], body: dict[str, Any], facts: RequestFacts) -> None:
    """Give each member that the table knows and that is not null to its reader."""
    for key in body.keys() & table.keys() if len(body) > len(table) else body:
        reader = table.get(key)
        if reader is not None and (value := body[key]) is not None:
            reader(facts, value)


def text(field: str) -> Reader:
    """A short text, such as a model's name."""

    def read(facts: RequestFacts, value: Any) -> None:
        if type(value) is not str:
            odd(facts)
            return
        if len(value) > WORD_LIMIT:
            odd(facts)
        setattr(facts, field, value[:WORD_LIMIT])

    return read


def integer(field: str) -> Reader:
    """A whole number within int64. Where two spellings of one parameter disagree, the larger counts."""

    def read(facts: RequestFacts, value: Any) -> None:
        number = as_integer(facts, value)
        if number is not None:
            known = getattr(facts, field)
            setattr(facts, field, number if known is None else max(known, number))

    return read


def as_integer(facts: RequestFacts, value: Any) -> int | None:
    """A whole number; one written as 2.0 or as text is taken but flagged."""
    if type(value) is int:
        number = value
    else:
        odd(facts)
        if (type(value) is float and value.is_integer()) or (type(value) is str and _DIGITS.fullmatch(value)):
            number = int(value)
        else:
            return None
    if not INT64_MIN <= number <= INT64_MAX:
        odd(facts)
        return None
    return number


def number(field: str) -> Reader:
    """A number, whole or not."""

    def read(facts: RequestFacts, value: Any) -> None:
        if type(value) is float or (type(value) is int and INT64_MIN <= value <= INT64_MAX):
            setattr(facts, field, float(value))
        else:
            odd(facts)

    return read


def switch(field: str) -> Reader:
    """True or false; anything else that is not empty is taken as neither and flagged."""

    def read(facts: RequestFacts, value: Any) -> None:
        if type(value) is bool:
            setattr(facts, field, value)
        else:
            odd(facts)

    return read


def size(field: str) -> Reader:
    """The number of entries of a list or an object."""

    def read(facts: RequestFacts, value: Any) -> None:
        if type(value) in (list, dict):
            setattr(facts, field, getattr(facts, field) + len(value))
        else:
            odd(facts)

    return read


def budget(facts: RequestFacts, value: Any) -> None:
    """The tokens a model may think with."""
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        facts.reasoning = str(value)
    else:
        odd(facts)


def reference(kind: str) -> Reader:
    """An id, or an object or list of such, of something that lies with the provider."""

    def read(facts: RequestFacts, value: Any) -> None:
        for item in value[: MAX_REFERENCES + 1] if type(value) is list else [value]:
            refer(facts, kind, item.get("id") if type(item) is dict else item)

    return read


def within(table: Mapping[str, Reader]) -> Reader:
    """An object whose members have a table of their own."""

    def read(facts: RequestFacts, value: Any) -> None:
        if type(value) is dict:
            read_parameters(table, value, facts)
        else:
            odd(facts)

    return read


def end_user(facts: RequestFacts, value: Any) -> None:
    """The client's name for its user; the first one found stays."""
    if type(value) is not str:
        odd(facts)
    elif value and facts.end_user is None:
        facts.end_user = value


_set_reasoning = text("reasoning")


def effort(facts: RequestFacts, value: Any) -> None:
    """A word; Fireworks takes a number of tokens and a switch as well."""
    if type(value) is bool:
        facts.reasoning = "on" if value else "off"
    elif type(value) is int:
        budget(facts, value)
    else:
        _set_reasoning(facts, value)


def thinking_switch(facts: RequestFacts, value: Any) -> None:
    """Whether to think, where no effort says how much."""
    if facts.reasoning is None:
        facts.reasoning = "on" if value is True else "off"


def logprob_count(facts: RequestFacts, value: Any) -> None:
    """A switch, or a number (completions, Together's and Fireworks' chat), where even 0 asks for the sampled tokens' own."""
    if type(value) is bool:
        facts.logprobs = facts.logprobs or value
    elif (wanted := as_integer(facts, value)) is not None:
        facts.logprobs = True
        facts.top_logprobs = max(wanted, facts.top_logprobs or 0)


def top_logprobs(facts: RequestFacts, value: Any) -> None:
    """Responses has no other switch; in chat it comes beside `logprobs`, without which it is refused."""
    if (wanted := as_integer(facts, value)) is not None:
        facts.top_logprobs = max(wanted, facts.top_logprobs or 0)
    if facts.top_logprobs:
        facts.logprobs = True


def hidden(reason: str) -> Reader:
    """Something that the model sees and the request does not show."""

    def read(facts: RequestFacts, value: Any) -> None:  # noqa: ARG001 - it may hold keys of its own
        flag(facts, reason)

    return read
