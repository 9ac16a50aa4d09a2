"""An OpenTelemetry collector on loopback is told of what a real proxy carried."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from proxy.telemetry import genai
from tests.proxy_server import ProxyServer, StartProxy
from tests.waiting import PATIENCE

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "prompt-that-nobody-else-should-see"


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP; `bodies` by path. While `away`, it answers 503."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taken)
        self.bodies: dict[str, list[bytes]] = {"/v1/traces": [], "/v1/metrics": []}
        self.headers: list[str | None] = []
        self.refused = 0
        self.away = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[Any]:
        """Every span that came."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies["/v1/traces"]]
        return [span for one in requests for told in one.resource_spans for scope in told.scope_spans for span in scope.spans]

    def histograms(self) -> dict[str, list[Any]]:
        """The latest points by metric."""
        if not self.bodies["/v1/metrics"]:
            return {}
        request = ExportMetricsServiceRequest.FromString(self.bodies["/v1/metrics"][-1])
        metrics = request.resource_metrics[0].scope_metrics[0].metrics
        return {metric.name: list(metric.histogram.data_points) for metric in metrics}


class Taken(BaseHTTPRequestHandler):
    """One request to the collector."""

    server: Collector

    def do_POST(self) -> None:
        """Keep the body."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.away:
            self.server.refused += 1
            self.send_response(503)
        else:
            self.server.bodies[self.path].append(body)
            self.server.headers.append(self.headers["x-team"])
            self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, daemon=True)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector of the test's own."""
    with collecting() as one:
        yield one


def ask(server: ProxyServer, **headers: str) -> int:
    """Send a call; gives the status."""
    body = b'{"model":"gpt-5","temperature":0,"messages":[{"role":"user","content":"%b"}]}' % SECRET.encode()
    sent = {"authorization": "Bearer sk-test", "content-type": "application/json", **headers}
    asked = urllib.request.Request(server.gateway_url + "/openai/v1/chat/completions", body, sent)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def carries_the_encoding(server: ProxyServer) -> bool:
    """Whether control has loaded what writes protobuf."""
    return "google/_upb" in Path(f"/proc/{server.children()['control']}/maps").read_text(errors="replace")


def attributes(told: Any) -> dict[str, Any]:
    """Attributes by name."""
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in told.attributes}


def test_a_collector_is_told(start_proxy: StartProxy, collector: Collector) -> None:
    """A span under the client's own trace, with the names of the conventions and no content; a refused call as an error; what
    happens while the collector is away comes when it is back, over a restart; and no upstream sees the trace.
    """
    configuration = {"telemetry": {"otlp": {"endpoint": collector.url}}}
    server = start_proxy(configuration=configuration, environ={"OTEL_EXPORTER_OTLP_HEADERS": "x-team=red%20one"})
    before = time.time_ns()
    assert ask(server, traceparent=f"00-{TRACE}-{PARENT}-01") == 200
    server.until(collector.spans)
    (span,) = collector.spans()
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.name) == (TRACE, PARENT, "chat gpt-5")
    assert before - 10**9 < span.start_time_unix_nano < span.end_time_unix_nano
    told = attributes(span)
    assert {told[name] for name in (genai.OPERATION, genai.REQUEST_MODEL)} == {"chat", "gpt-5"}
    assert told[genai.REQUEST_TEMPERATURE] == 0.0
    assert told[genai.OUTPUT_TOKENS] > 0
    assert told[genai.RECORD].removeprefix("rec_").endswith(span.span_id.hex())
    assert collector.headers[0] == "red one"
    assert carries_the_encoding(server)
    collector.away = True
    assert ask(server) == 200
    assert ask(server, **{"x-tos-purpose": "no.such.purpose"}) in (400, 403)
    server.until(lambda: collector.refused)
    server.until(lambda: "the collector answered 503" in server.stderr)
    collector.away = False
    server.restart()
    server.until(lambda: len(collector.spans()) == 3)
    own, refused = collector.spans()[1:]
    assert own.trace_id.hex() == attributes(own)[genai.RECORD].removeprefix("rec_")
    assert own.parent_span_id == b""
    assert (attributes(refused)[genai.OUTCOME], refused.status.code) == ("refused", 2)
    assert genai.ERROR in attributes(refused)
    server.until(lambda: sum(point.count for point in collector.histograms().get(genai.OPERATION_DURATION, [])) == 2)
    kinds = {attributes(point)[genai.TOKEN_TYPE]: point for point in collector.histograms()[genai.TOKEN_USAGE]}
    assert set(kinds) == {"input", "output"}
    assert sum(kinds["output"].bucket_counts) == kinds["output"].count == 1
    assert all(SECRET.encode() not in body for bodies in collector.bodies.values() for body in bodies)
    assert 'tos_proxy_otlp_records_total{process="control"} 2' in server.get("/metrics")[1]


def test_nobody_is_told_without_configuration(shared_proxy_server: ProxyServer) -> None:
    """Control does not even carry the encoding."""
    assert not carries_the_encoding(shared_proxy_server)
