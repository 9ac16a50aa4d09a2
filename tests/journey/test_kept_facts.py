"""What the record says of files, batches, threads, conversations and caches, when real SDKs use them through the proxy.

The table `kept_facts.txt` has a line for each endpoint, of the exchange with it of which most can be told: what it referred to and
what its answer showed to exist, by kind, and the facts that a policy may name. An endpoint that is missing is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.ledger.record import Intent, Outcome
from tests.journey.test_real_clients import travel
from tests.ledger_oracle import Written, written
from tests.proxy_server import ProxyServer

TABLE = Path(__file__).with_name("kept_facts.txt")
PROGRAMS = {
    "openai": ("openai_kept_python.py", "/openai/v1"),
    "anthropic": ("anthropic_kept_python.py", "/anthropic"),
    "gemini": ("gemini_kept_python.py", "/gemini"),
}
ASKED = ("model", "stream", "messages", "system_chars", "prompt_chars", "media", "lines", "file_purpose", "batch_endpoint")
ASKED += ("training", "epochs", "stored")
ANSWERED = ("model", "finish", "choices", "lines", "lines_done", "lines_failed", "events", "error", "unread")
TEXTS = ("text_chars", "usage", "links")
"""Facts of an answer that need only be there."""


def kinds(references: list[str]) -> str:
    """The kinds of references, without their ids, which are the provider's."""
    return " ".join(sorted(one.partition(":")[0] for one in references))


def row(asked: RequestFacts, answered: AnswerFacts) -> str:
    """One exchange in a line: `references → created | facts of the request | facts of the answer`."""
    given = {name: value for name in ASKED if (value := getattr(asked, name)) != getattr(RequestFacts(), name)}
    told = {name: value for name in ANSWERED if (value := getattr(answered, name)) != getattr(AnswerFacts(), name)}
    there = [name for name in TEXTS if getattr(answered, name)]
    about = f"{kinds(asked.references)} → {kinds(answered.created)}".strip()
    return f"{about} | {_line(given)} | {_line(told)} {' '.join(there)}".strip()


def _line(facts: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in facts.items())


def rows(ledger: Written) -> dict[str, str]:
    """The fullest good exchange with each endpoint."""
    outcomes = {entry.id: entry for entry, _ in ledger.of(Outcome) if isinstance(entry, Outcome)}
    found: dict[str, str] = {}
    for entry, _ in ledger.of(Intent):
        assert isinstance(entry, Intent)
        outcome = outcomes[entry.id]
        if outcome.status == 200:
            one = row(entry.facts, outcome.facts)
            found[entry.endpoint] = max(found.get(entry.endpoint, ""), one, key=lambda told: (len(told), told))
    return found


def expected(provider: str) -> dict[str, str]:
    """What the table says of a provider's endpoints."""
    lines = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {endpoint: told for named, endpoint, told in lines if named == provider}


@pytest.mark.parametrize("provider", PROGRAMS)
def test_the_record_says_what_was_done(proxy_server: ProxyServer, provider: str) -> None:
    """Every exchange of a provider's SDK is recorded under the right endpoint, with the facts that policies name."""
    program, root = PROGRAMS[provider]
    (lines,) = travel(program, "python-newer", [proxy_server.gateway_url + root])
    assert proxy_server.stop() == 0
    ledger = written(proxy_server.data_dir / "spool")
    assert rows(ledger) == expected(provider)
    answers = sum(len(line["answers"]) for line in lines)
    assert len(list(ledger.of(Intent))) == answers
    without = Written([each for each in ledger.entries if getattr(each[0], "endpoint", "") != "batch"])
    assert rows(without) != expected(provider)
