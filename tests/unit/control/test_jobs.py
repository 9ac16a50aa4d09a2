"""Jobs: children with progress, an end before their time, and a result; nothing of them is left hanging."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.control import jobs as module
from proxy.control.jobs import Jobs, NoSuchJobError, TooManyJobsError
from proxy.core.jobs import UNDER_WAY, Job
from tests.waiting import PATIENCE

CHILD = """
import json, os, signal, sys, threading, time
from pathlib import Path
def gone():
    while os.read(0, 100): pass
    os._exit(9)
threading.Thread(target=gone, daemon=True).start()
folder = Path(sys.argv[1])
asked = json.loads((folder / "job.json").read_bytes())["asked"]
def cut(*_):
    (folder / "result.json").write_text('{"partial": true}')
    os._exit(130)
signal.signal(signal.SIGINT, signal.SIG_IGN if asked.get("deaf") else cut)
print(json.dumps({"done": 3, "total": 7, "told": "three"}), flush=True)
print("not json", flush=True)
if asked.get("fail"):
    sys.exit("first line\\nthe reason")
if asked.get("wait"):
    time.sleep(60)
(folder / "result.json").write_text('{"fine": true}')
"""


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Jobs]:
    made = Jobs(tmp_path, [sys.executable, "-c", CHILD], lambda *_, **__: None, grace=0.5)
    yield made
    await made.close()


async def until(jobs: Jobs, job: str, **wanted: Any) -> Job:
    """Wait for a job to be as wanted, a minute at most."""
    async with asyncio.timeout(60):
        while True:
            found = jobs.named(job)
            if all(getattr(found, name) == value for name, value in wanted.items()):
                return found
            await asyncio.sleep(0.02)


async def test_a_job_has_progress_and_a_result(jobs: Jobs) -> None:
    """What the child says of its way is shown, what it says besides is not; its result is there when it is done."""
    job = jobs.start("backtest", {}, "ann")
    assert (job.state, job.by) == ("queued", "ann")
    found = await until(jobs, job.id, state="done")
    assert (found.done, found.total, found.told) == (3, 7, "three")
    assert json.loads(jobs.result(job.id) or b"") == {"fine": True}
    assert found.started_at is not None
    assert found.ended_at is not None


async def test_a_failed_job_says_why(jobs: Jobs) -> None:
    """The last line of its complaints is the reason, and there is no result."""
    job = jobs.start("backtest", {"fail": True}, "ann")
    assert (await until(jobs, job.id, state="failed")).error == "the reason"
    assert jobs.result(job.id) is None


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_job_is_cancelled(jobs: Jobs, deaf: bool) -> None:
    """One that listens leaves what it has; one that does not is killed. One that waits never begins, and the next has its turn."""
    jobs._grace = 0.5 if deaf else PATIENCE
    first = jobs.start("backtest", {"wait": True, "deaf": deaf}, "ann")
    second = jobs.start("backtest", {"wait": True}, "ann")
    third = jobs.start("backtest", {}, "ann")
    await until(jobs, first.id, done=3)
    assert (await jobs.cancel(second.id)).state == "cancelled"
    assert jobs.named(second.id).started_at is None
    ended = await jobs.cancel(first.id)
    assert (ended.state, ended.partial) == ("cancelled", not deaf)
    await until(jobs, third.id, state="done")
    assert (await jobs.cancel(third.id)).state == "done"
    with pytest.raises(NoSuchJobError):
        await jobs.cancel("job_0")


async def test_what_was_under_way_is_lost(jobs: Jobs, tmp_path: Path) -> None:
    """A control process that begins finds what its predecessor left; what was done stays done, what is no job goes."""
    done = jobs.start("backtest", {}, "ann")
    await until(jobs, done.id, state="done")
    lost = jobs.start("backtest", {"wait": True}, "ann")
    await until(jobs, lost.id, done=3)
    (tmp_path / "jobs" / "rubbish").mkdir()
    again = Jobs(tmp_path, ["false"], lambda *_, **__: None)
    assert [job.state for job in again.page(limit=10)] == ["lost", "done"]
    assert again.page(limit=1, after=lost.id)[0].id == done.id
    assert not (tmp_path / "jobs" / "rubbish").exists()
    await jobs.close()
    assert jobs.named(lost.id).state == "lost"


async def test_jobs_are_bounded(jobs: Jobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So many wait and no more, and of those that ended the last are kept."""
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    monkeypatch.setattr(module, "MOST_KEPT", 1)
    jobs.start("backtest", {"wait": True}, "ann")
    jobs.start("backtest", {"wait": True}, "ann")
    with pytest.raises(TooManyJobsError):
        jobs.start("backtest", {}, "ann")
    for job in jobs.page(limit=9):
        assert (await jobs.cancel(job.id)).state == "cancelled"
    jobs.start("backtest", {"wait": True}, "ann")
    assert len(jobs.page(limit=9)) == 2
    assert sorted(path.name for path in (tmp_path / "jobs").iterdir()) == sorted(job.id for job in jobs.page(limit=9))
    assert {job.state for job in jobs.page(limit=9)} & UNDER_WAY
