"""The supervisor: binds the listeners, keeps the children running, answers probes, and ends everything in order.

Standard library only, and no settings: the command that became this process (by exec) put all it needs into a `Plan`. It writes
nothing but `data_dir/run`. Signals: TERM and INT drain and end with 0, a second one hurries, HUP reloads the configuration. An end
that was not in order is 1: a gateway broke off, or, with `local+db`, records are left on this volume alone. It is 2, and comes by
itself, where a gateway cannot use its settings and never could.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from proxy.control.child import UNUSABLE, Child
from proxy.control.health import PLAIN, HealthListener, Page
from proxy.control.listening import CannotListenError, bind, bind_unix, url
from proxy.control.notify import READY, STOPPING, notify
from proxy.control.plan import CUTTING_SECONDS, Plan
from proxy.control.presence import AlreadyServedError, Presence
from proxy.control.volume import statement
from proxy.control.waiting import first_of
from proxy.telemetry import names
from proxy.telemetry.diagnostics import Diagnostics
from proxy.telemetry.prometheus import CONTENT_TYPE, Sample, render, samples

STATS_SECONDS = 0.2
SILENCE_SECONDS = 5.0
_PATIENCE_AFTER_CRASH = 10.0
_HEAD_START_SECONDS = 3.0
_SPARING = {"MALLOC_ARENA_MAX": "1"}
"""Control's threads take turns anyway; with a heap each (glibc's habit) they keep 6 MB more."""


def run(plan: Plan) -> int:
    """Supervise until told to end. Returns the exit code: 0 after an orderly end, 1 when it could not begin."""
    presence = Presence(Path(plan.data_dir), plan.role)
    try:
        crashed = presence.claim()
        supervisor = Supervisor(plan, presence, patience=_PATIENCE_AFTER_CRASH if crashed else 0.0)
    except (AlreadyServedError, CannotListenError) as error:
        sys.stderr.write(f"tos-proxy: {error}\n")
        return 1
    return asyncio.run(supervisor.run())


class Supervisor:
    """One run. Sockets are bound on construction, children start in `run`.

    Raises on construction: CannotListenError.
    """

    def __init__(self, plan: Plan, presence: Presence, *, patience: float = 0.0) -> None:
        self._plan = plan
        self._presence = presence
        self._diagnostics = Diagnostics("supervisor")
        self._began = time.monotonic()
        self._draining = False
        self._greeted = False
        self._serving = asyncio.Event()
        self._end = asyncio.Event()
        self._hurry = asyncio.Event()
        self._background: set[asyncio.Task[Any]] = set()
        self._listeners: list[socket.socket] = []
        change = "gateway.port, --port or TOS_PROXY_GATEWAY__PORT"
        if plan.gateways:
            self._listeners = bind(plan.host, plan.port, what="gateway", change=change, patience=patience)
            if plan.unix_socket:
                change = "gateway.unix_socket or TOS_PROXY_GATEWAY__UNIX_SOCKET"
                self._listeners.append(bind_unix(Path(plan.unix_socket), change=change))
        change = "health.port or TOS_PROXY_HEALTH__PORT"
        self._health_sockets = bind(plan.health_host, plan.health_port, what="health", change=change, patience=patience)
        change = "admin.port, TOS_PROXY_ADMIN__PORT or --no-admin"
        admin = plan.admin and plan.control
        self._admin = bind(plan.admin_host, plan.admin_port, what="admin", change=change, patience=patience) if admin else []
        self._gateways = [self._gateway(worker) for worker in range(plan.workers)] if plan.gateways else []
        described = [] if plan.described is None else ["--described", str(plan.described)]
        self._control = (
            [self._child("control", ["control", "--listen", _numbers(self._admin), *described], self._admin)]
            if plan.control
            else []
        )
        self._health = HealthListener({"/healthz": self._alive, "/readyz": self._ready, "/metrics": self._metrics})

    def _gateway(self, worker: int) -> Child:
        told = ["gateway", "--worker", str(worker), "--data-dir", self._plan.data_dir, "--listen", _numbers(self._listeners)]
        return self._child(f"gateway-{worker}", told, self._listeners)

    def _child(self, name: str, told: list[str], inherited: list[socket.socket] | None = None) -> Child:
        command = [*self._plan.python, *told]
        return Child(
            name,
            command,
            self._diagnostics,
            inherited=inherited or [],
            described=self._plan.described if name == "control" else None,
            environ=_SPARING if name == "control" else None,
            changed=self._changed,
            published=self._published,
        )

    @property
    def _children(self) -> list[Child]:
        return [*self._gateways, *self._control]

    @property
    def _needed(self) -> list[Child]:
        """Those without whom this role does not do its duty; a gateway goes on without control."""
        return self._gateways or self._control

    async def run(self) -> int:
        """Start, serve until a signal, end in order. Returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_end)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)
        keepers = [asyncio.create_task(child.keep(), name=child.name) for child in self._gateways]
        await self._health.start(self._health_sockets)
        self._changed()
        await self._gateways_first()
        if self._hopeless:
            self._control.clear()
        keepers += [asyncio.create_task(child.keep(), name=child.name) for child in self._control]
        await self._end.wait()
        await self._wind_down()
        await asyncio.gather(*keepers)
        self._health.close()
        self._leave()
        self._diagnostics.note("stopped", seconds=round(time.monotonic() - self._began, 1))
        return UNUSABLE if self._hopeless else 0 if self._in_order else 1

    @property
    def _hopeless(self) -> bool:
        return any(child.hopeless for child in self._gateways)

    @property
    def _in_order(self) -> bool:
        """Whether nobody broke off at the end, and with `local+db` the database has everything."""
        shipped = not self._plan.copied or all(child.code == 0 for child in self._control)
        return shipped and not any(child.code for child in self._gateways)

    async def _gateways_first(self) -> None:
        """Control takes a second of processor time to begin, which clients should not wait for."""
        await first_of(self._serving, self._end, seconds=_HEAD_START_SECONDS)

    def _leave(self) -> None:
        if self._plan.unix_socket and self._plan.gateways:
            Path(self._plan.unix_socket).unlink(missing_ok=True)
        self._presence.leave()

    async def _wind_down(self) -> None:
        """Gateways first, so that control ships what they still wrote."""
        self._draining = True
        notify(STOPPING)
        self._diagnostics.note("draining", seconds=self._plan.drain_seconds, accepting_seconds=self._plan.part_seconds)
        await self._part()
        for each in self._listeners:
            each.close()
        drain, grace = self._plan.drain_seconds, CUTTING_SECONDS
        await asyncio.gather(*(child.end(drain, self._hurry, grace=grace) for child in self._gateways))
        await asyncio.gather(*(child.end(self._plan.ship_seconds, self._hurry) for child in self._control))

    async def _part(self) -> None:
        """Balancers have seen us ready a moment ago and send on for a while: serve what they send, and let it be the last."""
        if not self._plan.part_seconds:
            return
        for child in self._gateways:
            child.send({"do": "part"})
        await first_of(self._hurry, seconds=self._plan.part_seconds)

    def _told_to_end(self) -> None:
        if self._end.is_set():
            self._hurry.set()
        self._draining = True
        self._end.set()

    def _told_to_reload(self) -> None:
        self._diagnostics.note("reloading")
        if self._control:
            self._tell_all_to_reload()
            return
        task = asyncio.create_task(self._compile())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _compile(self) -> None:
        """Without control here, a short-lived process compiles the configuration; a bad one keeps the last good snapshot."""
        command = [*self._plan.python, "compile"]
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, process_group=0)
        if await process.wait() == 0:
            self._tell_all_to_reload()

    def _tell_all_to_reload(self) -> None:
        for child in self._children:
            child.send({"do": "reload"})

    def _published(self) -> None:
        for child in self._gateways:
            child.send({"do": "reload"})

    def _changed(self) -> None:
        """A child started, got ready or is gone: tell the commands, and greet once when all who are needed are ready."""
        with suppress(OSError):
            self._presence.tell(
                {
                    "version": self._plan.version,
                    "gateway_url": self._gateway_url,
                    "admin_url": self._admin_url,
                    "health_url": url(self._health_sockets[0]),
                    "children": {child.name: child.pid for child in self._children if child.running},
                }
            )
        if self._hopeless and not self._end.is_set():
            self._diagnostics.error("a gateway cannot use its settings, and starting it again would not help")
            self._hurry.set()
            self._told_to_end()
        if all(child.ready for child in self._gateways):
            self._serving.set()
        if not self._greeted and all(child.ready for child in self._needed):
            self._greeted = True
            notify(READY)
            self._greet()

    @property
    def _gateway_url(self) -> str | None:
        tcp = [each for each in self._listeners if each.family != socket.AF_UNIX and each.fileno() >= 0]
        return url(tcp[0], tls=self._plan.tls) if tcp else None

    @property
    def _admin_url(self) -> str | None:
        return url(self._admin[0]) if self._admin else None

    def _greet(self) -> None:
        for line in greeting(self._plan, self._gateway_url, self._admin_url, url(self._health_sockets[0])):
            with suppress(OSError):
                os.write(1, f"{line}\n".encode())

    async def _alive(self) -> Page:
        return 200, PLAIN, "ok\n"

    async def _ready(self) -> Page:
        if not self._draining:
            asked = self._children if self._plan.copied else self._needed
            await asyncio.gather(*(child.fresh_stats(STATS_SECONDS) for child in asked))
        if obstacles := list(self._obstacles()):
            return 503, PLAIN, "".join(f"{each}\n" for each in obstacles)
        said = statement(Path(self._plan.data_dir), copied=self._plan.copied, lag=self._lag)
        return 200, PLAIN, f"ready\n{said}\n" if said else "ready\n"

    @property
    def _lag(self) -> int | None:
        """Entries that the store does not have yet, None while control does not say."""
        told = [each for child in self._control if not child.silent for each in child.stats.get("metrics") or ()]
        return next((int(value) for name, _, value in told if name == names.SHIP_LAG_ENTRIES), None)

    def _obstacles(self) -> Iterator[str]:
        if self._draining:
            yield "draining"
            return
        now = asyncio.get_running_loop().time()
        for child in self._needed:
            if not child.ready:
                yield f"{child.name} is not ready"
            elif child.silent and now - child.answered_at > SILENCE_SECONDS:
                yield f"{child.name} does not answer"
            else:
                faults = child.stats.get("faults")
                yield from (f"{child.name}: {fault}" for fault in (faults if isinstance(faults, list) else []))

    async def _metrics(self) -> Page:
        await asyncio.gather(*(child.fresh_stats(STATS_SECONDS) for child in self._children))
        return 200, CONTENT_TYPE, render([*self._own_samples(), *self._children_samples()])

    def _own_samples(self) -> Iterator[Sample]:
        yield names.BUILD, {"version": self._plan.version}, 1
        yield names.UPTIME_SECONDS, {}, round(time.monotonic() - self._began, 3)
        yield names.DRAINING, {}, int(self._draining)
        for child in self._children:
            label = {"process": child.name}
            yield names.CHILD_UP, label, int(child.running)
            yield names.CHILD_READY, label, int(child.ready)
            yield names.CHILD_STARTS, label, child.starts
            yield names.CHILD_SILENT, label, int(child.silent)

    def _children_samples(self) -> Iterator[Sample]:
        for child in self._children:
            yield from samples(child.stats.get("metrics"), {"process": child.name})


def _numbers(sockets: list[socket.socket]) -> str:
    return ",".join(str(each.fileno()) for each in sockets)


def greeting(plan: Plan, gateway_url: str | None, admin_url: str | None, health_url: str) -> list[str]:
    """What a person sees once everything is ready."""
    took = f" after {time.time() - plan.began:.1f} s" if plan.began else ""
    lines = ["", f"tos-proxy {plan.version} is ready{took}", ""]
    if gateway_url:
        lines += [
            f"  Gateway     {gateway_url}",
            f"    OpenAI      OPENAI_BASE_URL={gateway_url}/openai/v1",
            f"    Anthropic   ANTHROPIC_BASE_URL={gateway_url}/anthropic",
            f"    Gemini      GOOGLE_GEMINI_BASE_URL={gateway_url}/gemini",
        ]
    if plan.unix_socket:
        lines.append(f"              {plan.unix_socket}")
    if admin_url:
        lines.append(f"  Review      {admin_url}")
        lines.append(f"    token       {plan.token_file or 'as configured (admin.token)'}")
    lines += [f"  Health      {health_url}/readyz", f"  Records     {plan.data_dir}", ""]
    if plan.token_new and plan.token_file:
        with suppress(OSError):
            lines += [f"  Admin token, shown this once: {Path(plan.token_file).read_text().strip()}", ""]
    return lines
