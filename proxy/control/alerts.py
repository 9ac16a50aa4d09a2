"""Tells others what happened: findings and cases to webhooks, and, where a target asks for them, exchanges to a file or an address.

What is told is kept first and then sent, so that a crash loses nothing; a message may come twice, under one id. A target that
does not take its messages delays no other, and none delays an exchange.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import httpx2

from proxy.control.exports import Exports
from proxy.control.process import Note, pause_unless
from proxy.control.webhooks import SECONDS, NotTakenError, post
from proxy.core.alerts import AlertTarget
from proxy.core.clock import Clock, SystemClock
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreError
from proxy.review.alerting import deliveries, events
from proxy.review.alerting.deliveries import Delivery
from proxy.review.alerting.formats import FORMATS

_PAUSE_SECONDS = 1.0
_OVERLAP_US = 15_000_000
"""How far back each look goes: two transactions may end in another order than they began."""


class Alerts:
    """One per control process; `run` is its duty. `environ` holds the secrets that targets name."""

    def __init__(
        self, store: Store, targets: Mapping[str, AlertTarget], environ: Mapping[str, str], note: Note, clock: Clock | None = None
    ) -> None:
        self.sent = 0
        self.failed = 0
        self._store = store
        self._targets = targets
        self._environ = environ
        self._note = note
        self._clock = clock or SystemClock()
        self._exports = {name: Exports(store, name, one, self._clock) for name, one in targets.items() if one.exchanges}
        self._from = self._clock.utc_us() - _OVERLAP_US

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop` is set; what is left then is told by whoever comes next."""
        async with httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
            while not stop.is_set():
                try:
                    await self.pass_once(client)
                except StoreError as error:
                    self._note("alerts wait for the database", reason=str(error))
                await pause_unless(stop, _PAUSE_SECONDS)

    async def pass_once(self, client: httpx2.AsyncClient) -> None:
        """Keep what is new, send what is due. Raises: StoreUnavailableError."""
        now = self._clock.utc_us()
        found = await events.since(self._store, self._from)
        await deliveries.keep(self._store, [one for event in found for one in self._told(event)], now)
        self._from = max(self._from, min(now, found[-1].at if len(found) >= events.MOST_AT_ONCE else now) - _OVERLAP_US)
        waiting: dict[str, list[Delivery]] = {}
        for delivery in await deliveries.due(self._store, now):
            waiting.setdefault(delivery.target, []).append(delivery)
        sends = [self._send_all(client, name, due) for name, due in waiting.items()]
        exports = [self._export(client, name, one) for name, one in self._exports.items()]
        await asyncio.gather(*sends, *exports)

    def _told(self, event: events.Event) -> list[Delivery]:
        made = []
        for name, target in self._targets.items():
            if events.wanted(event, target.kinds, target.severity):
                body = FORMATS[target.format](event).decode()
                made.append(Delivery(f"{name}:{event.id}", name, event.type, event.at, body))
        return made

    async def _send_all(self, client: httpx2.AsyncClient, name: str, due: list[Delivery]) -> None:
        """In order, and no further than the first that is not taken."""
        for delivery in due:
            target = self._targets.get(name)
            if target is None:
                await deliveries.failed(self._store, delivery, self._clock.utc_us(), "the target is configured no more")
                continue
            try:
                await self._send(client, target, delivery)
            except (NotTakenError, OSError, ValueError) as error:
                self.failed += 1
                again = await deliveries.failed(self._store, delivery, self._clock.utc_us(), str(error))
                if delivery.attempts == 0 or not again:
                    self._note("alert not taken", target=name, reason=str(error), again=again)
                return
            self.sent += 1
            await deliveries.sent(self._store, delivery, self._clock.utc_us())

    async def _send(self, client: httpx2.AsyncClient, target: AlertTarget, delivery: Delivery) -> None:
        if target.file:
            await asyncio.to_thread(append, target.file, delivery.body.encode() + b"\n")
            return
        secret = self._environ.get(target.secret_env, "") if target.secret_env else ""
        message_id = delivery.id.partition(":")[2]
        await post(client, target.url, message_id, self._clock.utc_us() // 1_000_000, delivery.body.encode(), secret)

    async def _export(self, client: httpx2.AsyncClient, name: str, exports: Exports) -> None:
        target = self._targets[name]

        async def send(message_id: str, body: bytes) -> None:
            if target.file:
                await asyncio.to_thread(append, target.file, body)
            else:
                secret = self._environ.get(target.secret_env, "") if target.secret_env else ""
                await post(client, target.url, message_id, self._clock.utc_us() // 1_000_000, body, secret)

        try:
            await exports.pass_once(send)
        except (NotTakenError, OSError) as error:
            self.failed += 1
            self._note("exchanges not taken", target=name, reason=str(error))


def append(path: str, body: bytes) -> None:
    """Add whole lines to a file, durably; it is made readable for its owner alone. Raises: OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
