"""OpenAI's error shapes."""

import msgspec
import pytest

from proxy.dialects import by_name
from proxy.dialects.contract import AnswerReader


def stream_of(path: str) -> AnswerReader:
    found = by_name("openai").match("POST", path)
    assert found is not None
    return found[0].answer("sse", False)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (403, "permission_error"), (429, "rate_limit_error"), (500, "server_error")],
)
def test_the_type_follows_the_status(status: int, kind: str) -> None:
    """SDKs expose it as `e.type`."""
    error = msgspec.json.decode(by_name("openai").error_body(status, "policy_violation", "no", "rec"))["error"]
    assert error == {"message": "no (record rec)", "type": kind, "param": None, "code": "policy_violation"}


def test_a_chat_stream_breaks_with_an_error_payload() -> None:
    """The payload's first member is `error`."""
    event = stream_of("/v1/chat/completions").error_event(502, "upstream_lost", "m", "rec")
    assert event.startswith(b'data: {"error":{')
    assert event.endswith(b"}\n\n")


def test_a_response_stream_breaks_with_an_event_that_sdks_raise_at() -> None:
    """The API's own `error` event, with a member `error` besides."""
    event = stream_of("/v1/responses").error_event(502, "upstream_lost", "m", "rec")
    name, payload = event.split(b"\n")[:2]
    assert name == b"event: error"
    tree = msgspec.json.decode(payload.removeprefix(b"data: "))
    assert (tree["type"], tree["code"], tree["error"]["code"]) == ("error", "upstream_lost", "upstream_lost")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_our_own_error_event_ends_the_stream_for_our_own_reader(path: str) -> None:
    """What we send is what we would hold."""
    reader = stream_of(path)
    event = reader.error_event(502, "upstream_lost", "m", "rec")
    assert reader.feed(event) == len(event)
    assert reader.ended


def test_the_request_id_is_where_sdks_look() -> None:
    """`x-request-id`."""
    assert by_name("openai").error_headers("rec") == {"x-request-id": "rec"}
