"""Long work as child processes of control: one at a time, the others wait; each has progress, can be cancelled, leaves a result.

A job is a folder in `data_dir/jobs`: `job.json` (`core.jobs.Job`, written anew at each change of state), `result.json`, written by
the child. The child gets the folder's name as its last argument, says how far it is in lines of JSON on its standard output, and
ends when its standard input does: so it ends with control however that dies, and what was under way then is `lost` when the next
control process begins. It runs at a lower priority, and is killed past `LONGEST_SECONDS`.

Exit codes of the child: 0 done, 130 cut short (what there is is the result), any other failed, by the last line on its standard
error.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from proxy.control.process import Note
from proxy.core.clock import Clock, SystemClock
from proxy.core.errors import TosProxyError
from proxy.core.jobs import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, UNDER_WAY, Job

FOLDER = "jobs"
MOST_WAITING = 20
MOST_KEPT = 200
KEPT_US = 30 * 86_400_000_000
LONGEST_SECONDS = 6 * 3600.0
MOST_RESULT_BYTES = 64 * 1024 * 1024

_GRACE_SECONDS = 5.0
_LINE_CAP = 64 * 1024
_CUT_SHORT = 130
_ENDED = "control ended before it did"


class TooManyJobsError(TosProxyError):
    """As many jobs wait as may."""


class NoSuchJobError(TosProxyError):
    """No job has this id, or it is kept no longer."""


class Jobs:
    """The jobs of one control process. `command` is what a child is started with, but for the folder."""

    def __init__(
        self,
        data_dir: Path,
        command: Sequence[str],
        note: Note,
        clock: Clock | None = None,
        *,
        grace: float = _GRACE_SECONDS,
    ) -> None:
        self._folder = data_dir / FOLDER
        self._command = list(command)
        self._note = note
        self._clock = clock or SystemClock()
        self._grace = grace
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._stopped: set[str] = set()
        self._turn = asyncio.Lock()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for folder in sorted(self._folder.iterdir()):
            self._find(folder)
        self._prune()

    def _find(self, folder: Path) -> None:
        try:
            job = msgspec.json.decode((folder / "job.json").read_bytes(), type=Job)
        except (OSError, msgspec.MsgspecError):
            shutil.rmtree(folder, ignore_errors=True)
            return
        self._jobs[job.id] = job
        if job.state in UNDER_WAY:
            self._change(job.id, state=LOST, ended_at=self._clock.utc_us(), error=_ENDED)

    def start(self, kind: str, asked: dict[str, Any], by: str) -> Job:
        """Begin a job, or have it wait. Raises: TooManyJobsError, OSError."""
        if len(self._tasks) > MOST_WAITING:
            raise TooManyJobsError(f"{len(self._tasks)} jobs are under way or wait; cancel one, or come again")
        now = self._clock.utc_us()
        job = Job(f"job_{now // 1000:012x}{os.urandom(10).hex()}", kind, by, now, asked)
        (self._folder / job.id).mkdir(mode=0o700)
        self._jobs[job.id] = job
        self._write(job)
        self._prune()
        self._tasks[job.id] = asyncio.create_task(self._keep(job.id), name=job.id)
        return job

    def page(self, *, limit: int, after: str = "") -> list[Job]:
        """Jobs, the newest first, those behind the id `after`."""
        found = sorted((job for job in self._jobs if not after or job < after), reverse=True)
        return [self._jobs[job] for job in found[:limit]]

    def named(self, job: str) -> Job:
        """Raises: NoSuchJobError."""
        if job not in self._jobs:
            raise NoSuchJobError(f"no job has the id {job}, or it is kept no longer")
        return self._jobs[job]

    def result(self, job: str) -> bytes | None:
        """The result as JSON, None where there is none (yet). Raises: NoSuchJobError."""
        file = self._folder / self.named(job).id / "result.json"
        try:
            return file.read_bytes() if file.stat().st_size <= MOST_RESULT_BYTES else None
        except OSError:
            return None

    async def cancel(self, job: str) -> Job:
        """End a job; one that has ended stays as it is. Raises: NoSuchJobError."""
        found = self.named(job)
        if found.state not in UNDER_WAY:
            return found
        self._stopped.add(job)
        child = self._children.get(job)
        if child is None:
            self._tasks[job].cancel()
        else:
            _signal(child, signal.SIGINT)
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(self._tasks[job]), self._grace)
        if job in self._children:
            _signal(self._children[job], signal.SIGKILL)
        if job in self._tasks:
            await asyncio.wait([self._tasks[job]], timeout=self._grace)
        self._never_began(job, CANCELLED, "")
        return self.named(job)

    def _never_began(self, job: str, state: str, error: str) -> None:
        """A task that is cancelled before its first step takes none."""
        task = self._tasks.get(job)
        if task is not None and task.done():
            del self._tasks[job]
            self._stopped.discard(job)
            self._change(job, state=state, ended_at=self._clock.utc_us(), error=error)

    async def close(self) -> None:
        """End every child; what was under way is lost."""
        for child in self._children.values():
            _signal(child, signal.SIGKILL)
        tasks = dict(self._tasks)
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        for job in tasks:
            self._never_began(job, LOST, _ENDED)

    async def _keep(self, job: str) -> None:
        try:
            async with self._turn:
                self._change(job, state=RUNNING, started_at=self._clock.utc_us())
                code, last = await self._run(job)
            self._ended(job, code, last)
        except asyncio.CancelledError:
            cancelled = job in self._stopped
            self._change(
                job,
                state=CANCELLED if cancelled else LOST,
                ended_at=self._clock.utc_us(),
                error="" if cancelled else _ENDED,
            )
        except OSError as error:
            self._change(job, state=FAILED, ended_at=self._clock.utc_us(), error=error.strerror or "cannot be started")
        finally:
            self._tasks.pop(job, None)
            self._stopped.discard(job)

    def _ended(self, job: str, code: int, last: str) -> None:
        result = (self._folder / job / "result.json").exists()
        if job in self._stopped or code == _CUT_SHORT:
            state, error = CANCELLED, ""
        elif code == 0 and result:
            state, error = DONE, ""
        else:
            state, error = FAILED, last or f"exit code {code}"
            self._note("job failed", job=job, kind=self._jobs[job].kind, reason=error)
        self._change(job, state=state, ended_at=self._clock.utc_us(), error=error, partial=result and state == CANCELLED)

    async def _run(self, job: str) -> tuple[int, str]:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *self._command,
            str(self._folder / job),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            process_group=0,
            limit=_LINE_CAP,
        )
        self._children[job] = child
        errors = asyncio.create_task(_last_line(child))
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._listen(job, child)
                return await child.wait(), await errors
        except TimeoutError:
            return 1, f"it took longer than {LONGEST_SECONDS / 3600:.0f} hours"
        finally:
            self._children.pop(job, None)
            if child.returncode is None:
                _signal(child, signal.SIGKILL)
                await child.wait()
            errors.cancel()

    async def _listen(self, job: str, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        while line := await child.stdout.readline():
            try:
                said = json.loads(line)
                done, total, told = int(said["done"]), int(said["total"]), str(said["told"])
            except (ValueError, KeyError, TypeError):
                continue
            self._jobs[job] = msgspec.structs.replace(self._jobs[job], done=done, total=total, told=told[:200])

    def _change(self, job: str, **values: Any) -> None:
        self._jobs[job] = msgspec.structs.replace(self._jobs[job], **values)
        with suppress(OSError):  # memory knows; after a crash it is `lost`
            self._write(self._jobs[job])

    def _write(self, job: Job) -> None:
        file = self._folder / job.id / "job.json"
        new = file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(job))
        new.replace(file)

    def _prune(self) -> None:
        """Forget what is older than `KEPT_US`, and the oldest beyond `MOST_KEPT`."""
        ended = sorted(job for job, kept in self._jobs.items() if kept.state not in {QUEUED, RUNNING})
        old = {job for job in ended if self._jobs[job].at < self._clock.utc_us() - KEPT_US}
        for job in [*old, *ended[: max(0, len(ended) - MOST_KEPT)]]:
            self._jobs.pop(job, None)
            shutil.rmtree(self._folder / job, ignore_errors=True)


async def _last_line(child: asyncio.subprocess.Process) -> str:
    """The last line of what it complains about; the rest is read and dropped."""
    assert child.stderr is not None
    kept = b""
    while part := await child.stderr.read(_LINE_CAP):
        kept = (kept + part)[-4096:]
    return kept.decode("utf-8", "replace").strip().rpartition("\n")[2][:500]


def _signal(child: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError):
        child.send_signal(number)
