"""How others are told of an event."""

from __future__ import annotations

import msgspec
import pytest

from proxy.review.alerting.events import Event
from proxy.review.alerting.formats import FORMATS

FOUND = Event(
    "fnd_1",
    "finding.raised",
    1_790_000_000_000_000,
    "terms",
    "medium",
    "The terms forbid this <b>",
    {"finding": "fnd_1", "principal": "<@here>", "clauses": ["openai.3e"], "sentences": ["3 calls & more."]},
)
ASKED = Event(
    "rec_1",
    "exchange",
    1_790_000_000_000_000,
    "exchange",
    "low",
    "research asked openai",
    {"principal": "research", "upstream": "openai", "host": "api.openai.com", "endpoint": "chat", "decision": "deny", "status": 0},
)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_is_one_line_of_json(name: str) -> None:
    """So that a file of them is JSON Lines."""
    for event in (FOUND, ASKED):
        told = FORMATS[name](event)
        assert b"\n" not in told
        assert isinstance(msgspec.json.decode(told), dict)


def test_a_webhook_says_what_happened_and_when() -> None:
    """As Standard Webhooks has it: type, timestamp, data."""
    told = msgspec.json.decode(FORMATS["standard"](FOUND))
    assert (told["type"], told["timestamp"]) == ("finding.raised", "2026-09-21T14:13:20+00:00")
    assert told["data"]["principal"] == "<@here>"
    assert told["data"]["severity"] == "medium"


def test_a_name_calls_nobody_in_a_chat() -> None:
    """What would be markup or a mention there is text."""
    text = msgspec.json.decode(FORMATS["slack"](FOUND))["text"]
    assert "&lt;@here&gt;" in text
    assert "&lt;b&gt;" in text
    assert "3 calls &amp; more." in text


def test_findings_and_exchanges_have_their_classes() -> None:
    """Detection Finding 2004 and API Activity 6003, each with the type that its class and activity make."""
    finding, activity = (msgspec.json.decode(FORMATS["ocsf"](event)) for event in (FOUND, ASKED))
    assert (finding["class_uid"], finding["type_uid"], finding["severity_id"]) == (2004, 200401, 3)
    assert finding["finding_info"]["uid"] == "fnd_1"
    assert (activity["class_uid"], activity["type_uid"], activity["status_id"]) == (6003, 600399, 2)
    assert activity["actor"]["user"]["name"] == "research"
    assert finding["time"] == 1_790_000_000_000
