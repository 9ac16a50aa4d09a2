"""What callers of real SDKs see where a policy denies or limits: the SDK's own error, which says why, at once, without retries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.core import snapshot
from proxy.core.rules import Bundle, Rate, Rule
from proxy.demo.upstream import UpstreamProcess
from proxy.ledger.record import Refusal
from tests.journey.comparison import Line
from tests.journey.conftest import API_ROOTS
from tests.journey.test_real_clients import travel
from tests.ledger_oracle import written
from tests.torture.lone_worker import LoneWorker, lone_worker

RULES = (
    Rule("journey/no", "deny", match={"model": ("denied-*",)}, clauses=("provider.terms.3.3e",), message="Not for training."),
    Rule("journey/slow", "throttle", match={"model": ("limited-*",)}, requests=Rate(1, 86400.0)),
)
ENTRIES = [snapshot.put("bundle", "bundle", Bundle("d" * 64)), *(snapshot.put("rule", rule.name, rule) for rule in RULES)]
REFUSED = {"denied": 403, "limited": 429}
OWN_ERRORS = {
    ("openai", 403): "PermissionDeniedError",
    ("openai", 429): "RateLimitError",
    ("anthropic", 403): "PermissionDeniedError",
    ("anthropic", 429): "RateLimitError",
    ("gemini", 403): "ClientError",
    ("gemini", 429): "ClientError",
}
PROGRAMS = (
    *((provider, f"{provider}_denied_python.py", age) for provider in API_ROOTS for age in ("python-older", "python-newer")),
    ("openai", "openai_denied_node.mjs", "node"),
    ("anthropic", "anthropic_denied_node.mjs", "node"),
)


@pytest.fixture
def judged(tmp_path: Path, scripted_upstream: UpstreamProcess) -> Iterator[LoneWorker]:
    """A gateway with two rules."""
    with lone_worker(tmp_path / "gateway", scripted_upstream.url, entries=ENTRIES) as worker:
        yield worker


@pytest.mark.parametrize(("provider", "program", "environment"), PROGRAMS, ids=lambda value: value.split(".")[0])
def test_a_caller_reads_why(
    judged: LoneWorker, scripted_upstream: UpstreamProcess, provider: str, program: str, environment: str
) -> None:
    """One attempt a call, the class of error that callers catch, rule, clause and record in its message; nothing upstream."""
    (lines,) = travel(program, environment, [f"http://127.0.0.1:{judged.port}/{provider}{API_ROOTS[provider]}"])
    assert len(lines) >= 4
    refused = [line for line in lines if line["scenario"] != "allowed"]
    for line in refused:
        assert_told(provider, line)
    assert isinstance(next(line["result"] for line in lines if line["scenario"] == "allowed"), str)
    assert len(scripted_upstream.seen()) == 1
    recorded = [entry for entry, _ in written(judged.data_dir / "spool").of(Refusal)]
    assert len(recorded) == len(refused)
    assert {entry.id for entry in recorded} == {header(line, "x-tos-record") for line in refused}


def assert_told(provider: str, line: Line) -> None:
    """What one call that was refused came to."""
    status = REFUSED[line["scenario"].partition(" ")[0]]
    assert [answer["status"] for answer in line["answers"]] == [status], line
    assert (header(line, "x-should-retry"), header(line, "x-tos-decision"), header(line, "x-tos-source")) == (
        "false",
        "deny" if status == 403 else "throttle",
        "proxy",
    )
    result = line["result"]
    assert result["raised"] == OWN_ERRORS[provider, status], result
    assert header(line, "x-tos-record") in result["message"]
    wanted = ("journey/slow",) if status == 429 else ("Not for training.", "journey/no", "provider.terms.3.3e")
    assert all(word in result["message"] for word in wanted), result


def header(line: Line, name: str) -> str:
    """A field of the one answer."""
    return next((value for found, value in line["answers"][0]["headers"] if found.lower() == name), "")
