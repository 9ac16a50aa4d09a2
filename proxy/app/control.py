"""Composes the control process: its duties and what they share."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import socket
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from os import environ as process_environ
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.app.describing import described
from proxy.app.open_ledger import OpenLedger, opened
from proxy.control import channel
from proxy.control.configuration import ConfigurationWatch
from proxy.control.counting import HourlyCounter
from proxy.control.findings import FindingRaiser
from proxy.control.in_force import InForce
from proxy.control.process import Duty, Parts, called_unless, pause_unless, run_control
from proxy.control.publisher import Publisher
from proxy.control.reading import until
from proxy.control.references import ReferencePublisher
from proxy.control.results import ResultTies
from proxy.control.retention import Bounds, Retention
from proxy.control.shipper import Shipper
from proxy.control.store_awaited import answer_until
from proxy.core.errors import TosProxyError
from proxy.core.otlp import OtlpTarget
from proxy.core.principal import Principal
from proxy.core.references import subkey
from proxy.documents.problems import ConfigurationError
from proxy.ledger import secrets, store_standings, store_totals
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from proxy.settings.described import Description, Running, digest
from proxy.settings.following import Following
from proxy.telemetry import names
from proxy.telemetry.diagnostics import Diagnostics
from proxy.telemetry.prometheus import Sample

if TYPE_CHECKING:
    from proxy.control.alerts import Alerts
    from proxy.control.analyst import Analyst
    from proxy.control.telemetry import Telemetry

_STORED_SECONDS, _EMBEDDED_SECONDS = 5.0, 60.0
_ANALYST_SECONDS = 2.0
_JOB = (sys.executable, "-P", "-m", "proxy.app", "job")


async def run(listeners: list[socket.socket], handed: int | None) -> int:
    """Control, until the supervisor says to drain or is gone. `listeners`: of the admin API; none when it is off. `handed`: where
    the description of the configuration is (`proxy.app.describing`).

    Returns 0; 1 when the database was to have every entry at the end (`local+db`) and has not.
    """
    stop = asyncio.Event()
    lines: list[channel.Channel] = []

    def up(message: Mapping[str, Any]) -> None:
        for line in lines:
            line.send(message)

    loop = asyncio.get_running_loop()

    published = partial(loop.call_soon_threadsafe, up, {"event": "published"})
    control = Control(process_environ, described(process_environ, handed), listeners, published)

    def end_now() -> None:
        """Another supervisor may want the ports at once, long before the last entry is shipped."""
        stop.set()
        for each in listeners:
            each.close()

    def told(message: dict[str, Any]) -> None:
        match message.get("do"):
            case "reload":
                control.watch.reload()
            case "drain":
                end_now()
            case "stats":
                up({"event": "stats", "metrics": control.samples()})

    if (end := channel.inherited()) is not None:
        lines.append(await channel.open_channel(end, told, end_now))
    # Batches are thousands of small objects without cycles: looking through them costs a tenth of shipping.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    up({"event": "ready"})
    await run_control(control.parts(control.duties()), stop)
    up({"event": "stopped"})
    return control.farewell()


class Control:
    """One control process. `published` may be called from any thread, whenever a snapshot was published."""

    def __init__(
        self, environ: Mapping[str, str], description: Description, listeners: list[socket.socket], published: Callable[[], object]
    ) -> None:
        self._environ = environ
        self._listeners = listeners
        self._published = published
        self._description = self._latest = description
        self._published_latest = False
        self._followed = tuple(self._latest.followed)
        self._following = Following()
        self.running = self._description.running
        self._publisher = Publisher(self.running.data_dir)
        self._in_force = InForce(self.running.data_dir, lambda: self._latest.clauses, lambda: self._latest.unsaid)
        self._shipper: Shipper | None = None
        self._references: ReferencePublisher | None = None
        self._findings: FindingRaiser | None = None
        self._counts: HourlyCounter | None = None
        self._analyst: Analyst | None = None
        self._alerting: Alerts | None = None
        self._telemetry: Telemetry | None = None
        self._opened, self._missed = asyncio.Event(), asyncio.Event()
        self._diagnostics = Diagnostics("control")
        self.watch = ConfigurationWatch(self._publisher, self._compile, self._digest, self._diagnostics)

    def duties(self) -> dict[str, Duty]:
        """What control does, in the order in which it begins."""
        duties: dict[str, Duty] = {"configuration": self.watch.run, "ledger": self._keep_ledger}
        if self._listeners:
            duties["admin_awaiting"] = lambda stop: answer_until(self._opened, stop, self._listeners, missed=self._missed)
        return duties

    def samples(self) -> list[Sample]:
        """Figures for /metrics."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        rows: list[Sample] = [(names.CPU_SECONDS, {}, usage.ru_utime + usage.ru_stime), *self.watch.samples()]
        if self._shipper is not None:
            progress = self._shipper.progress
            rows += [
                (names.SHIPPED_ENTRIES, {}, progress.entries),
                (names.SHIP_LAG_ENTRIES, {}, progress.lag_entries),
                (names.SHIP_LAG_SECONDS, {}, progress.lag_seconds),
            ]
        if self._references is not None:
            rows += [
                (names.INDEXED_OBJECTS, {}, self._references.objects),
                (names.INDEX_DROPPED, {}, self._references.dropped),
            ]
        if self._findings is not None:
            rows += [
                (names.FINDINGS_LAG_ENTRIES, {}, self._findings.lag_entries),
                *((names.FINDINGS_RAISED, {"kind": kind}, number) for kind, number in self._raised().items()),
            ]
        rows += self._analyst.samples() if self._analyst is not None else []
        alerts, otlp = self._alerting, self._telemetry
        return [
            *rows,
            (names.ALERTS_SENT, {}, alerts.sent if alerts else 0),
            (names.ALERTS_FAILED, {}, alerts.failed if alerts else 0),
            (names.OTLP_SENT, {}, otlp.sent if otlp else 0),
            (names.OTLP_FAILED, {}, otlp.failed if otlp else 0),
        ]

    def _raised(self) -> dict[str, int]:
        """New findings by kind, of both duties that raise some."""
        found = dict(self._findings.raised) if self._findings is not None else {}
        for kind, number in (self._analyst.raised if self._analyst is not None else {}).items():
            found[kind] = found.get(kind, 0) + number
        return found

    def parts(self, duties: dict[str, Duty]) -> Parts:
        """Duties with what they share: whom they tell of failures, and how long they have when the end has come."""
        return Parts(duties, self.failed, grace=self.running.ship_seconds, insist=self.running.copied)

    def farewell(self) -> int:
        """The exit code, once every duty has ended."""
        if not self.running.copied or (self._shipper is not None and self._shipper.progress.complete):
            return 0
        lag = self._shipper.progress.lag_entries if self._shipper is not None else None
        self._diagnostics.error("not everything is in the database; this volume has the rest", entries=lag)
        return 1

    def failed(self, event: str, /, **fields: Any) -> None:
        """A duty failed: what the world did to us is one line, a defect of ours comes with its traceback."""
        if isinstance(fields.get("exc_info"), TosProxyError | OSError):
            del fields["exc_info"]
        self._diagnostics.error(event, **fields)

    def _compile(self) -> list[bytes]:
        """A later file changes only what the snapshot carries."""
        self._following.forget()
        if self._published_latest or self._digest() != self._latest.digest:
            try:
                self._latest = described(self._environ)
            except ConfigurationError as error:
                self._followed = error.followed or self._followed
                raise
            self._followed = tuple(self._latest.followed)
            if restart := self._description.restart_for(self._latest):
                self._diagnostics.warning("these keys count only after a restart", keys=restart)
        self._published_latest = True
        return self._latest.entries

    def _digest(self) -> str:
        """What changes whenever the configuration does, policies and terms among it."""
        return digest(self._environ, followed=self._followed, look=self._following.stamps)

    def _configured(self) -> list[Principal]:
        return self._latest.principals

    async def _keep_ledger(self, stop: asyncio.Event) -> None:
        """Everything that needs the store; begun again for as long as the database is away."""
        async with contextlib.AsyncExitStack() as held:
            held.callback(self._missed.set)
            ledger = await held.enter_async_context(opened(self.running))
            keyring = KeyringReader(self.running.data_dir, secrets.load(self.running.data_dir, self._environ).master)
            shipper = self._shipper = Shipper(
                ledger.store, self.running.data_dir, keyring, self._diagnostics.warning, insist=self.running.copied
            )
            retention = Retention(
                ledger.store, self.running.data_dir, _bounds(self.running), shipper.place, self._diagnostics.warning
            )
            references = self._references = self._publishes_references(ledger.store, shipper)
            findings = self._findings = self._raises_findings(ledger.store, shipper)
            counts = self._counts = HourlyCounter(
                ledger.store, partial(getattr, shipper.progress, "handled"), self._diagnostics.note
            )
            duties: dict[str, Duty] = {
                "ship": shipper.run,
                "references": references.run,
                "findings": findings.run,
                "hourly": counts.run,
                "analyst": lambda stop: self._analyse(ledger, shipper, stop),
                "principals": lambda stop: self._follow_stored(ledger, stop),
                "retention": retention.run,
            }
            if ledger.store.dialect == "sqlite":
                references.arrivals = findings.arrivals = counts.arrivals = shipper.progress.arrivals
            if self.running.alerts:
                alerts = self._alerting = self._alerts(ledger.store)
                duties["alerts"] = alerts.run
            if self.running.otlp is not None:
                telemetry = self._telemetry = self._tells(ledger.store, self.running.otlp)
                duties["telemetry"] = telemetry.run
            if self._listeners:
                duties["admin"] = lambda stop: self._serve_admin(ledger, stop)
            self._opened.set()
            await run_control(self.parts(duties), stop)

    def _publishes_references(self, store: Store, shipper: Shipper) -> ReferencePublisher:
        kept = secrets.load(self.running.data_dir, self._environ)
        ties = ResultTies(store, AESGCM(kept.master), kept.identity)
        handled = partial(getattr, shipper.progress, "handled")
        return ReferencePublisher(store, self.running.data_dir, subkey(kept.identity), handled, ties.tie, self._diagnostics.warning)

    def _raises_findings(self, store: Store, shipper: Shipper) -> FindingRaiser:
        return FindingRaiser(store, self._in_force, partial(getattr, shipper.progress, "handled"), self._diagnostics.note)

    async def _analyse(self, ledger: OpenLedger, shipper: Shipper, stop: asyncio.Event) -> None:
        """The detector is 6 MB, which nobody carries before there is something to look at or somebody to stand anyhow."""
        store = ledger.store
        arrivals = shipper.progress.arrivals if store.dialect == "sqlite" else None

        async def there() -> bool:
            return await store_totals.anything(store) or bool(await store_standings.listed(store))

        if arrivals is not None:
            await until(there, arrivals, stop, _ANALYST_SECONDS)
        if stop.is_set():
            return
        from proxy.control.analyst import Analyst
        from proxy.control.watching import shipped_weights

        kept = secrets.load(self.running.data_dir, self._environ)
        analyst = self._analyst = Analyst(
            ledger.store,
            AESGCM(kept.master),
            await asyncio.to_thread(shipped_weights),
            self._in_force,
            ledger.record,
            lambda: self._publish_stored(ledger),
            self._diagnostics.warning,
        )
        analyst.group_key, analyst.arrivals = kept.identity, arrivals
        await analyst.run(stop)

    def _alerts(self, store: Store) -> Alerts:
        from proxy.control.alerts import Alerts  # brings an HTTP client, which only those carry who are to tell somebody

        return Alerts(store, self.running.alerts, self._environ, self._diagnostics.warning)

    def _tells(self, store: Store, target: OtlpTarget) -> Telemetry:
        from proxy.control.telemetry import Telemetry  # as above; and the encoding comes with an extra

        return Telemetry(store, target, self._environ, self._diagnostics.warning)

    async def _follow_stored(self, ledger: OpenLedger, stop: asyncio.Event) -> None:
        """Added principals may also change through another control process on the same database. An embedded one is changed by this
        process alone, which publishes what it changes: what is left is a configuration that was published meanwhile, and time.
        """
        seen, due = None, 0.0
        while not stop.is_set():
            now, stamp = time.monotonic(), self._publisher.stamp()
            if now >= due or stamp != seen or ledger.store.dialect == "postgresql":
                await self._publish_stored(ledger)
                # the stamp from before: what was published meanwhile, by us or by others, is looked at once more
                seen, due = stamp, now + _EMBEDDED_SECONDS
            await pause_unless(stop, _STORED_SECONDS)

    async def _publish_stored(self, ledger: OpenLedger) -> None:
        before = await asyncio.to_thread(self._publisher.number)
        if await ledger.publish(self._publisher) != before:
            self._published()

    async def _serve_admin(self, ledger: OpenLedger, stop: asyncio.Event) -> None:
        """The application is 36 MiB and most of a second of processor time, which nobody spends before somebody calls."""
        if await called_unless(stop, self._listeners):
            return
        from proxy.app.administering import application
        from proxy.control import admin_server
        from proxy.control.jobs import Jobs

        jobs = Jobs(self.running.data_dir, _JOB, self._diagnostics.warning)
        app = application(
            ledger,
            self._configured,
            lambda: self._publish_stored(ledger),
            self._environ,
            self._in_force,
            {"jobs": jobs, "lag": self._lag},
        )
        try:
            # The server closes what it is given; the sockets themselves are needed again if it has to begin anew.
            await admin_server.serve(app, [each.dup() for each in self._listeners], stop)
        finally:
            await jobs.close()

    def _lag(self) -> Mapping[str, float]:
        """How far readers of the ledger are behind, by what they do."""
        found: dict[str, float] = {}
        if self._shipper is not None:
            found |= {"ship_entries": self._shipper.progress.lag_entries, "ship_seconds": self._shipper.progress.lag_seconds}
        if self._findings is not None:
            found["findings_entries"] = self._findings.lag_entries
        if self._counts is not None:
            found["hourly_entries"] = self._counts.lag_entries
        if self._analyst is not None:
            found["detection_entries"] = self._analyst.lag_entries
        return found


def _bounds(running: Running) -> Bounds:
    """How long and how much is kept."""
    return Bounds(running.content_seconds, running.evidence_seconds, running.max_bytes)
