"""The configuration file, followed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.control import configuration
from proxy.control.configuration import ConfigurationWatch
from proxy.control.publisher import Publisher
from proxy.core import snapshot
from proxy.core.errors import TosProxyError
from proxy.core.principal import Principal
from proxy.telemetry.diagnostics import Diagnostics
from tests.waiting import PATIENCE


class File:
    """A configuration file as the watch sees it: a name of a principal, `bad`, or nothing."""

    text = "a"

    def compile(self) -> list[bytes]:
        if self.text == "bad":
            raise TosProxyError("f:1:1: no good")
        return [snapshot.put("principal", self.text, Principal(self.text))]

    def digest(self) -> str:
        return self.text


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - only tests wait
            await asyncio.sleep(0.01)


async def test_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is published; a bad file keeps the last good one, is told, and is forgotten with the next good one."""
    monkeypatch.setattr(configuration, "POLL_SECONDS", 0.02)
    file, publisher, stop = File(), Publisher(tmp_path), asyncio.Event()
    watch = ConfigurationWatch(publisher, file.compile, file.digest, Diagnostics("test", "error"))
    running = asyncio.create_task(watch.run(stop))
    await until(lambda: publisher.number() == 1)
    file.text = "bad"
    await until(lambda: watch.bad)
    assert watch.samples() == [("tos_proxy_configuration_bad", {}, 1)]
    assert ("principal", "a") in publisher.entries()
    file.text = "b"
    await until(lambda: publisher.number() == 2)
    await until(lambda: watch.bad is None)  # what is published can be read before it is synced
    stop.set()
    await asyncio.wait_for(running, PATIENCE)


async def test_reload_on_demand(tmp_path: Path) -> None:
    """A reload reads the file again at once, though nothing seems to have changed."""
    file, publisher, stop = File(), Publisher(tmp_path), asyncio.Event()
    watch = ConfigurationWatch(publisher, file.compile, lambda: "same", Diagnostics("test", "error"))
    running = asyncio.create_task(watch.run(stop))
    await until(lambda: publisher.number() == 1)
    file.text = "b"
    watch.reload()
    await until(lambda: publisher.number() == 2)
    stop.set()
    await running
