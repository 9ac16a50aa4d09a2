"""Makes the rows of OpenAI's table: how requests without a body, with JSON and with a form are read, and their answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.core.facts import Message, RequestFacts
from proxy.dialects.contract import MIB, AnswerReader, Endpoint, PathParameters
from proxy.dialects.gathering import Gathering
from proxy.dialects.jsonio import read_leniently
from proxy.dialects.openai import requests
from proxy.dialects.openai.objects import reads
from proxy.dialects.openai.tasks import TaskStream
from proxy.dialects.sse import EventStreamReader
from proxy.dialects.turns import Turn, as_messages
from proxy.dialects.whole import CountedReader, WholeReader

Answer = Callable[[str, bool], AnswerReader]


def answers(
    read: Callable[[Gathering, Any], None],
    stream_reader: type[EventStreamReader] = TaskStream,
    parse: Callable[[bytes], Any] = read_leniently,
) -> Answer:
    """Readers of a JSON document, of a stream, and of anything else."""

    def answer(stream: str, collect: bool) -> AnswerReader:
        if stream == "sse":
            return stream_reader(collect=collect)
        if stream == "json":
            return WholeReader(read, collect=collect, parse=parse)
        return CountedReader()

    return answer


def messages(turns: Callable[[Any], Any]) -> Callable[[Any], list[Message]]:
    """The conversation that a body holds."""
    return lambda body: as_messages(turns(body))


def no_turns(_body: Any) -> list[Turn]:
    """A body that is no conversation."""
    return []


no_messages = messages(no_turns)


def about(name: str, method: str, pattern: str, kind: str = "", *, teaches: bool = False, answer: Answer | None = None) -> Endpoint:
    """A row without a body to read, about something that is kept, of this kind. One that teaches may show what the model said."""
    answer = answer or answers(reads(kind, says=teaches))
    return Endpoint(name, method, pattern, requests.read_bare, no_messages, answer, teaches=teaches, json_body=False)


def asking(
    name: str,
    pattern: str,
    read: Callable[[Any, PathParameters], RequestFacts],
    kind: str = "",
    *,
    turns: Callable[[Any], Any] = no_turns,
    teaches: bool = False,
    answer: Answer | None = None,
) -> Endpoint:
    """A POST whose body is JSON, after which there is an object of this kind."""
    return Endpoint(name, "POST", pattern, read, messages(turns), answer or answers(reads(kind)), teaches=teaches)


def form(
    name: str,
    pattern: str,
    read: Callable[[Any, PathParameters], RequestFacts],
    kind: str = "",
    *,
    body_cap: int = 100 * MIB,
    turns: Callable[[Any], Any] = no_turns,
    teaches: bool = False,
) -> Endpoint:
    """A POST whose body is a form with a file in it."""
    return Endpoint(
        name,
        "POST",
        pattern,
        read,
        messages(turns),
        answers(reads(kind)),
        teaches=teaches,
        json_body=False,
        form_body=True,
        body_cap=body_cap,
        carries="form",
    )
