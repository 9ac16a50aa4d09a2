"""Follows the configuration file: published again when its content changes or on demand; a bad file keeps the last good set and
says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from proxy.control.publisher import Publisher
from proxy.core.errors import TosProxyError
from proxy.telemetry import names
from proxy.telemetry.diagnostics import Diagnostics
from proxy.telemetry.prometheus import Sample

POLL_SECONDS = 1.0


class ConfigurationWatch:
    """`compile` gives the snapshot's configured part and raises TosProxyError when the file cannot be used; `digest` tells
    whether the file has changed. Both, and the publisher, wait for the disk and therefore run in a thread.
    """

    def __init__(
        self, publisher: Publisher, compile_entries: Callable[[], list[bytes]], digest: Callable[[], str], diagnostics: Diagnostics
    ) -> None:
        self._publisher = publisher
        self._compile = compile_entries
        self._digest = digest
        self._diagnostics = diagnostics
        self._wake = asyncio.Event()
        self.bad: str | None = None
        """Why the file as it is now cannot be used; None while what is in force is what is written."""

    async def run(self, stop: asyncio.Event) -> None:
        """Publish what is written now, then again with every change, until `stop` is set."""
        seen = None
        while not stop.is_set():
            asked = self._wake.is_set()
            self._wake.clear()
            now = await asyncio.to_thread(self._digest)
            if asked or now != seen:
                seen = now
                await asyncio.to_thread(self.publish)
            await self._pause(stop)

    async def _pause(self, stop: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waits, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    def reload(self) -> None:
        """Read the file again at once, changed or not."""
        self._wake.set()

    def publish(self) -> None:
        """Compile and publish once; a failure is told in diagnostics and in `bad`."""
        try:
            before = self._publisher.number()
            number = self._publisher.configure(self._compile())
        except (TosProxyError, OSError) as error:
            self.bad = str(error)
            self._diagnostics.error("configuration not usable, the last good one stays in force", reasons=self.bad.split("\n"))
            return
        self.bad = None
        if number != before:
            self._diagnostics.note("configuration published", snapshot=number)

    def samples(self) -> list[Sample]:
        """Figures for /metrics."""
        return [(names.CONFIGURATION_BAD, {}, int(self.bad is not None))]
