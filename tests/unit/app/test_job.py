"""Jobs as control has them carried out: real children over a real store."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.control.jobs import Jobs
from proxy.core.jobs import UNDER_WAY, Job
from tests.unit.cli.test_policy_backtest import config, records

__all__ = ["config", "records"]

POLICY = """
apiVersion: tos-proxy/v1
kind: Policy
metadata: {name: no-logprobs}
spec: {effect: deny, when: logprobs, message: "not here"}
"""
BACKTEST = {"policies": [], "terms": None, "since": None, "until": None, "principals": [], "upstreams": []}
BACKTEST |= {"enforce": True, "alone": False, "examples": 3}


async def done(config: Path, kind: str, asked: dict[str, Any]) -> tuple[Job, Any]:
    """A job and its result, once it has ended."""
    jobs = Jobs(config.parent / "data", [sys.executable, "-P", "-m", "proxy.app", "job"], lambda *_, **__: None)
    try:
        job = jobs.start(kind, asked, "ann")
        async with asyncio.timeout(100):
            while jobs.named(job.id).state in UNDER_WAY:  # noqa: ASYNC110 - a client asks again, too
                await asyncio.sleep(0.05)
        return jobs.named(job.id), json.loads(jobs.result(job.id) or b"null")
    finally:
        await jobs.close()


async def test_a_backtest_tells_what_would_change(config: Path, records: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy sent as text is laid over the set in force, and the two of four queries that it would deny are told."""
    monkeypatch.setenv("TOS_PROXY_CONFIG", str(config))
    job, result = await done(config, "backtest", BACKTEST | {"policies": [POLICY]})
    assert (job.state, job.error) == ("done", "")
    assert job.done == job.total > 0
    assert (result["queries"], result["changed"], result["partial"]) == (4, 2, False)
    assert {each["record"] for each in result["examples"]} == set(records[2:])


async def test_a_draft_that_cannot_be_used_fails(config: Path, records: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem is the job's error, in one line with its place."""
    monkeypatch.setenv("TOS_PROXY_CONFIG", str(config))
    assert records
    job, result = await done(config, "backtest", BACKTEST | {"policies": [POLICY.replace("logprobs, m", "logprob, m")]})
    assert (job.state, result) == ("failed", None)
    assert "policy-1.yaml" in job.error


async def test_a_search_opens_contents(config: Path, records: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be opened is counted, not guessed at."""
    monkeypatch.setenv("TOS_PROXY_CONFIG", str(config))
    job, result = await done(config, "search", {"text": "nothing", "equal": {}, "since": None, "until": None, "most": 10})
    assert (job.state, result["hits"], result["closed"], result["complete"]) == ("done", [], len(records), True)
