"""Facts of Anthropic's requests and answers, and its error shapes."""

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, Message, RequestFacts, Usage
from proxy.dialects import by_name
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters


def row() -> Endpoint:
    found = by_name("anthropic").match("POST", "/v1/messages")
    assert found is not None
    return found[0]


def facts(**body: Any) -> RequestFacts:
    return row().read_request(body, PathParameters())


def stream(*events: Any) -> AnswerReader:
    reader = row().answer("sse", True)
    for event in events:
        reader.feed(b"event: " + event["type"].encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n")
    return reader


def test_an_ordinary_request_is_fully_understood() -> None:
    """System prompt, messages, tools, thinking and the end user."""
    assert facts(
        model="claude",
        max_tokens=5,
        stream=True,
        system=[{"type": "text", "text": "abc"}],
        messages=[{"role": "user", "content": "hello"}, {"role": "assistant", "content": [{"type": "text", "text": "hi"}]}],
        tools=[{}, {}],
        thinking={"type": "enabled", "budget_tokens": 2000},
        metadata={"user_id": "u"},
    ) == RequestFacts(
        model="claude",
        max_tokens=5,
        stream=True,
        messages=2,
        system_chars=3,
        prompt_chars=7,
        tools=2,
        reasoning="2000",
        end_user="u",
    )


@pytest.mark.parametrize(
    ("block", "references"),
    [
        ({"type": "image", "source": {"type": "base64", "data": "AA"}}, []),
        ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, ["file:file_1"]),
        ({"type": "tool_result", "content": [{"type": "image", "source": {"type": "base64", "data": "AA"}}]}, []),
        ({"type": "container_upload", "file_id": "file_2"}, ["file:file_2"]),
    ],
)
def test_media_are_counted_wherever_they_stand(block: dict[str, Any], references: list[str]) -> None:
    """Images and documents, also inside a tool's result; stored files are references."""
    read = facts(messages=[{"role": "user", "content": [block]}])
    assert (read.media, read.references) == (1, references)


def test_a_plain_text_document_is_text() -> None:
    """It hides nothing from inspection."""
    read = facts(messages=[{"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "abc"}}]}])
    assert (read.prompt_chars, read.media, read.inspection) == (3, 0, "full")


def test_tool_results_are_the_tools_turn() -> None:
    """Although they travel in a message of the user."""
    body = {
        "system": "s",
        "messages": [
            {"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
        ],
    }
    assert row().read_messages(body) == [
        Message("system", "s"),
        Message("assistant", "", tool_calls=1),
        Message("tool", "42"),
    ]


@pytest.mark.parametrize("body", [{"messages": 1}, {"messages": ["x"]}, {"system": 4}, {"metadata": []}, {"thinking": "on"}])
def test_a_wrong_type_is_flagged(body: dict[str, Any]) -> None:
    """The rest is still read."""
    assert facts(**body).flags == ["odd_types"]


def test_a_message_is_read_whole() -> None:
    """Cached tokens belong to the input; a tool's input is written out."""
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "hello"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 4, "output_tokens": 8},
    }
    reader = row().answer("json", True)
    reader.feed(msgspec.json.encode(answer))
    assert reader.facts() == AnswerFacts(
        model="claude",
        upstream_id="msg_1",
        finish="tool_use",
        usage=Usage(input=7, output=8, cached=4),
        choices=1,
        text_chars=5,
        reasoning_chars=2,
        tool_calls=1,
        text="hello",
        reasoning_text="hm",
        tool_calls_text='f{"a":1}',
    )


def test_the_usage_of_a_stream_is_completed_by_its_last_report() -> None:
    """The end reports the output only."""
    reader = stream(
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}},
    )
    assert reader.facts().usage == Usage(input=9, output=12)
    assert reader.facts().finish == "end_turn"
    assert not reader.ended


@pytest.mark.parametrize("kind", ["message_stop", "error"])
def test_a_stream_ends_at_its_stop_or_an_error(kind: str) -> None:
    """The SDKs raise at an error, nothing of worth can follow."""
    assert stream({"type": kind, "error": {"type": "overloaded_error"}}).ended


def test_a_ping_does_not_end_it() -> None:
    """Nor does it count as text."""
    reader = stream({"type": "ping"})
    assert not reader.ended
    assert reader.facts().events == 1


def test_an_error_event_names_its_type() -> None:
    """As the provider words it."""
    assert stream({"type": "error", "error": {"type": "overloaded_error"}}).facts().error == "overloaded_error"


def test_token_counts_are_usage() -> None:
    """They tell the size of the prompt."""
    reader = row().answer("json", False)
    reader.feed(b'{"input_tokens": 12}')
    assert reader.facts().usage == Usage(input=12)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"), (413, "request_too_large")],
)
def test_the_error_type_follows_the_status(status: int, kind: str) -> None:
    """And the record's id is the request's."""
    tree = msgspec.json.decode(by_name("anthropic").error_body(status, "policy_violation", "no", "rec"))
    assert (tree["type"], tree["request_id"]) == ("error", "rec")
    assert (tree["error"]["type"], tree["error"]["message"]) == (kind, "no (record rec)")


def test_a_broken_stream_ends_in_an_error_event() -> None:
    """Which our own reader would hold."""
    reader = stream()
    event = reader.error_event(502, "upstream_lost", "m", "rec")
    assert event.startswith(b"event: error\ndata: {")
    assert reader.feed(event) == len(event)


def test_the_request_id_is_where_sdks_look() -> None:
    """`request-id`."""
    assert by_name("anthropic").error_headers("rec") == {"request-id": "rec"}
