"""Spans and histograms as a collector reads them."""

from __future__ import annotations

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from proxy.telemetry import genai
from proxy.telemetry.otlp import MOST_SERIES, Measures, Spoken, resource, spans

SECOND = 1_000_000_000


def spoken(model: str = "m-1", *, failed: str = "", trace: str = "", tokens: int = 5) -> Spoken:
    """An exchange of two seconds."""
    told = {genai.OPERATION: "chat", genai.REQUEST_MODEL: model, genai.FINISH_REASONS: ["stop"]}
    return Spoken(f"rec_{7:032x}", trace, SECOND, 3 * SECOND, failed, told, {"input": tokens, "output": 1})


def test_ids_follow_from_the_record() -> None:
    """What is sent twice is one span; a client's trace takes the place of the record's."""
    for trace, expected in (("", (f"{7:032x}", "")), (f"{1:032x}-{2:016x}", (f"{1:032x}", f"{2:016x}"))):
        first, second = (spans([spoken(trace=trace)], resource("1")) for _ in range(2))
        assert first == second
        (span,) = ExportTraceServiceRequest.FromString(first).resource_spans[0].scope_spans[0].spans
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == expected
        assert (span.span_id.hex(), span.status.code) == (f"{7:016x}", 0)
    (failed,) = (
        ExportTraceServiceRequest.FromString(spans([spoken(failed="cut")], resource("1"))).resource_spans[0].scope_spans[0].spans
    )
    assert (failed.status.code, failed.status.message) == (2, "cut")


def test_histograms_add_up_and_are_bounded() -> None:
    """Counts are cumulative and stand in their buckets; models beyond the bound are counted together."""
    measures = Measures(SECOND)
    for number in range(MOST_SERIES + 5):
        measures.add(spoken(f"m-{number}", tokens=5))
    request = ExportMetricsServiceRequest.FromString(measures.told(9 * SECOND, resource("1")))
    usage, duration = request.resource_metrics[0].scope_metrics[0].metrics
    assert (usage.name, duration.name) == (genai.TOKEN_USAGE, genai.OPERATION_DURATION)
    models = {point.count for point in duration.histogram.data_points}
    assert models == {1, 5}
    assert len(duration.histogram.data_points) == MOST_SERIES + 1
    point = duration.histogram.data_points[0]
    assert (point.sum, list(point.explicit_bounds)[:2], point.start_time_unix_nano) == (2.0, [0.01, 0.02], SECOND)
    assert list(point.bucket_counts).index(1) == next(at for at, bound in enumerate(point.explicit_bounds) if bound >= 2.0)
