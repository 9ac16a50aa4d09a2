"""The telemetry duty over both stores, before a collector that takes or refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from proxy.control.telemetry import Telemetry
from proxy.control.webhooks import NotTakenError
from proxy.core.otlp import OtlpTarget
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from tests.ledgers import NOON, Writer


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


class Collector:
    """What came, by path; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.spans: list[str] = []
        self.metrics = 0
        self.client = httpx2.AsyncClient(transport=httpx2.MockTransport(self.take))

    def take(self, request: httpx2.Request) -> httpx2.Response:
        """Count what is taken."""
        if self.status == 200 and request.url.path == "/v1/traces":
            told = ExportTraceServiceRequest.FromString(request.content).resource_spans[0].scope_spans[0].spans
            self.spans += [span.span_id.hex() for span in told]
        self.metrics += self.status == 200 and request.url.path == "/v1/metrics"
        return httpx2.Response(self.status)


class Day:
    """A clock that stands."""

    def __init__(self, at: int) -> None:
        self.at = at

    def utc_us(self) -> int:
        """The test's time."""
        return self.at

    def monotonic_ns(self) -> int:
        """Not asked for."""
        return 0


def duty(store: Store, at: int = NOON + 1_000_000) -> Telemetry:
    """The duty of a process."""
    return Telemetry(store, OtlpTarget("http://collector"), {}, lambda *_, **__: None, Day(at))


async def test_each_exchange_is_told_once_it_is_taken(store: Store) -> None:
    """A collector that refuses gets it again; what was taken is told neither again nor by another process; lines and marks are not
    told; what is older than a day is passed over.
    """
    collector, writer = Collector(), Writer()
    records = [writer.exchange() for _ in range(3)]
    writer.intent(writer.new_id())  # still open
    await ship(store, writer.batch())
    first = duty(store)
    collector.status = 503
    with pytest.raises(NotTakenError, match="503"):
        await first.pass_once(collector.client)
    assert (first.sent, first.failed) == (0, 1)
    collector.status = 200
    for one in (first, first, duty(store)):
        await one.pass_once(collector.client)
    assert collector.spans == [record[-16:] for record in records]
    assert (first.sent, collector.metrics) == (3, 1)
    writer.exchange()
    await ship(store, writer.batch())
    await duty(store, NOON + 2 * 86_400_000_000).pass_once(collector.client)
    assert len(collector.spans) == 3
    await collector.client.aclose()
