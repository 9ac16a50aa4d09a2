"""A job book with one job in it, which has ended as soon as it was begun."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.core.errors import TosProxyError
from proxy.core.jobs import Job


class OneJob:
    """`state`: what the job is in once it was begun; `came_to`: its result when it is done."""

    def __init__(self, job: Job, came_to: dict[str, Any], state: str = "done") -> None:
        self.job = job
        self._came_to = came_to
        self._state = state

    def start(self, kind: str, asked: dict[str, Any], by: str) -> Job:
        """The job, begun."""
        self.job = msgspec.structs.replace(self.job, kind=kind, asked=asked, by=by, state=self._state)
        return self.job

    def page(self, *, limit: int, after: str = "") -> list[Job]:
        """All there is."""
        return [self.job][:limit] if not after else []

    def named(self, job: str) -> Job:
        """The job. Raises: TosProxyError for any other."""
        if job != self.job.id:
            raise TosProxyError(job)
        return self.job

    def result(self, job: str) -> bytes | None:
        """What it came to."""
        return msgspec.json.encode(self._came_to) if self.named(job).state == "done" else None

    async def cancel(self, job: str) -> Job:
        """Nothing is cancelled."""
        return self.named(job)
