"""What the demo shows in the end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.cli import shown

ORDER = ["first", "second"]


def record(number: int, principal: str = "first", **more: Any) -> dict[str, Any]:
    """A record as the admin API shows it."""
    return {
        "id": f"rec_{number}",
        "principal": principal,
        "purpose": "use.product",
        "upstream": "openai",
        "endpoint": "chat",
        "model_requested": "gpt-5",
        "verdict": "allow_with_obligations",
        "decision": "allow",
        "rules": [],
        "clauses": [],
        "status": 200,
        "outcome": "completed",
        "lines": 0,
        "turns": 0,
        "result_of": None,
        "evidence": {"intent": {}},
        **more,
    }


UPLOAD = record(4, endpoint="file_upload", lines=8)
LINE = {"id": "rec_5", "result": "rec_6", "content": json.dumps({"body": {"messages": [{"content": "tides?"}]}})}
DENIED = record(
    9,
    verdict="forbid",
    decision="deny",
    rules=["baseline/terms-forbid"],
    clauses=["openai.services.3.3e"],
    outcome="refused",
    status=403,
)
REFERRING = record(
    7, endpoint="responses", evidence={"intent": {"refers": [{"record": "rec_3", "purpose": "use.internal"}, {"miss": True}]}}
)


def test_records_that_say_the_same_share_a_row() -> None:
    """In the order of the cast; another status or outcome has a row of its own."""
    records = [record(1, "second"), record(2), record(3), record(4, status=429), record(5, outcome="cut")]
    said = ("obligations", "allow")
    assert [(row[0], *row[4:]) for row in shown.rows(records, ORDER)] == [
        ("first", "2", "", *said, "200"),
        ("first", "1", "", *said, "429"),
        ("first", "1", "", *said, "200 cut"),
        ("second", "1", "", *said, "200"),
    ]


def test_what_an_exchange_brought_besides_itself() -> None:
    """Queries in its body, turns of its session, results in its answer."""
    assert shown.carried(record(1)) == ""
    assert [shown.carried(record(1, **more)) for more in ({"lines": 8}, {"turns": 3}, {"result_of": {"lines": 5}})] == [
        "8 queries",
        "3 turns",
        "5 results",
    ]


def test_a_missing_record_is_counted() -> None:
    """What the upstream saw and no record tells of is said in the last line."""
    told = shown.count([record(1), UPLOAD, DENIED], sent=3, seen=2, seconds=1)
    assert "3 requests sent, 1 denied, 2 seen upstream, 3 recorded, 0 without a record; inside them 8 queries" in told
    assert "2 recorded, 3 without a record" in shown.count([record(1), UPLOAD], sent=5, seen=5, seconds=1)


def test_all_of_it_fits_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """At eighty columns nothing but a long query is cut, and every id stands in full."""
    monkeypatch.setenv("COLUMNS", "80")
    longest = record(8, "dataset-maker", purpose="train.general", upstream="anthropic", endpoint="batch_results", lines=8)
    shown.show([UPLOAD, REFERRING, longest, DENIED], LINE, [*ORDER, "dataset-maker"], sent=3, seen=3, seconds=1)
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    for told in (
        "a file of 8 queries (first)",
        "its first: tides?",
        "rec_6  the download",
        "rec_7  previous_response_id",
        "rec_3  where",
        "rec_9  denied by openai.services.3.3e",
    ):
        assert told in out
