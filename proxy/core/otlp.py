"""Where OpenTelemetry is told of ended records, as the configuration names it."""

from __future__ import annotations

import msgspec


class OtlpTarget(msgspec.Struct, frozen=True):
    """A collector that takes OTLP over HTTP. `endpoint`: what stands before `/v1/traces` and `/v1/metrics`; `headers_env` names the
    variable with headers as `name=value,name=value` (values percent-encoded, as OpenTelemetry's own variable has them).
    """

    endpoint: str
    headers_env: str = ""
    traces: bool = True
    metrics: bool = True
