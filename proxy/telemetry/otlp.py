"""Ended exchanges as OTLP messages (protobuf): spans, and the GenAI histograms. Importing it needs the extra `otel`.

Ids follow from the record id, so that what is sent twice is one span; where the client sent a `traceparent`, trace and parent are
those.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from proxy.telemetry import genai

SCOPE = "tos-proxy"
MOST_SERIES = 2000
"""Histograms of one kind; further models are counted together, as `other`."""

Value = str | int | float | bool | list[str]


@dataclass(frozen=True)
class Spoken:
    """One exchange that has ended. Times in nanoseconds since 1970; `trace`: `<trace id>-<parent id>` of the client, or nothing."""

    record: str
    trace: str
    begin: int
    end: int
    failed: str
    attributes: Mapping[str, Value]
    tokens: Mapping[str, int] = field(default_factory=dict)


def resource(version: str) -> Resource:
    """Who speaks."""
    return Resource(attributes=_attributes({genai.SERVICE: SCOPE, genai.SERVICE_VERSION: version}))


def spans(told: Iterable[Spoken], who: Resource) -> bytes:
    """An `ExportTraceServiceRequest`."""
    scope = ScopeSpans(scope=InstrumentationScope(name=SCOPE), spans=[_span(one) for one in told])
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=who, scope_spans=[scope])])
    return bytes(request.SerializeToString())


def _span(one: Spoken) -> Span:
    own = one.record.removeprefix("rec_")
    trace, _, parent = one.trace.partition("-")
    name = f"{one.attributes[genai.OPERATION]} {one.attributes.get(genai.REQUEST_MODEL, '')}".rstrip()
    return Span(
        trace_id=bytes.fromhex(trace or own),
        span_id=bytes.fromhex(own[-16:]),
        parent_span_id=bytes.fromhex(parent),
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=one.begin,
        end_time_unix_nano=one.end,
        attributes=_attributes(one.attributes),
        status=Status(code=Status.STATUS_CODE_ERROR, message=one.failed) if one.failed else None,
    )


def _attributes(values: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in values.items()]


def _value(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=one) for one in value]))
    return AnyValue(string_value=value)


Series = tuple[tuple[str, str], ...]


class _Counts:
    """One histogram: how many values in each bucket, how many in all, their sum."""

    __slots__ = ("buckets", "count", "total")

    def __init__(self, bounds: int) -> None:
        self.buckets = [0] * (bounds + 1)
        self.count = 0
        self.total = 0.0


class Measures:
    """The GenAI histograms, cumulative since `begin` (nanoseconds since 1970)."""

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._kinds: dict[str, dict[Series, _Counts]] = {genai.TOKEN_USAGE: {}, genai.OPERATION_DURATION: {}}

    def add(self, one: Spoken) -> None:
        """Count an exchange."""
        named = (genai.OPERATION, genai.PROVIDER, genai.REQUEST_MODEL, genai.RESPONSE_MODEL)
        labels = {name: str(one.attributes[name]) for name in named if name in one.attributes}
        for kind, number in one.tokens.items():
            self._count(genai.TOKEN_USAGE, {**labels, genai.TOKEN_TYPE: kind}, float(number), genai.TOKEN_BOUNDS)
        failed = {genai.ERROR: one.failed} if one.failed else {}
        self._count(genai.OPERATION_DURATION, {**labels, **failed}, (one.end - one.begin) / 1e9, genai.DURATION_BOUNDS)

    def _count(self, name: str, labels: dict[str, str], value: float, bounds: tuple[float, ...]) -> None:
        kept = self._kinds[name]
        key = tuple(sorted(labels.items()))
        if key not in kept and len(kept) >= MOST_SERIES:
            key = tuple((label, "other" if "model" in label else text) for label, text in key)
        counts = kept.setdefault(key, _Counts(len(bounds)))
        counts.buckets[bisect_left(bounds, value)] += 1
        counts.count += 1
        counts.total += value

    def told(self, now: int, who: Resource) -> bytes:
        """An `ExportMetricsServiceRequest` as of `now` (nanoseconds since 1970)."""
        metrics = [
            self._metric(genai.TOKEN_USAGE, "{token}", genai.TOKEN_BOUNDS, now),
            self._metric(genai.OPERATION_DURATION, "s", genai.DURATION_BOUNDS, now),
        ]
        scope = ScopeMetrics(scope=InstrumentationScope(name=SCOPE), metrics=metrics)
        request = ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(resource=who, scope_metrics=[scope])])
        return bytes(request.SerializeToString())

    def _metric(self, name: str, unit: str, bounds: tuple[float, ...], now: int) -> Metric:
        points = [
            HistogramDataPoint(
                attributes=_attributes(dict(labels)),
                start_time_unix_nano=self._begin,
                time_unix_nano=now,
                count=counts.count,
                sum=counts.total,
                bucket_counts=counts.buckets,
                explicit_bounds=bounds,
            )
            for labels, counts in self._kinds[name].items()
        ]
        temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        return Metric(name=name, unit=unit, histogram=Histogram(data_points=points, aggregation_temporality=temporality))
