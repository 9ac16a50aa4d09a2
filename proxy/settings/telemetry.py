"""Section `telemetry`: where OpenTelemetry is told of ended records."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from proxy.core.otlp import OtlpTarget
from proxy.settings.units import VARIABLE, Strict

EXTRA = "opentelemetry.proto"
_STANDARD = "OTEL_EXPORTER_OTLP_HEADERS"


def _collector(written: str) -> str:
    """The base address of a collector that takes OTLP over HTTP."""
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("should start with http:// or https:// and name a host, as http://127.0.0.1:4318")
    if "@" in parts.netloc:
        raise ValueError("should carry no user name or password: name the variable of its headers in headers_env")
    if not _installed():
        raise ValueError("needs the extra otel: pip install 'tos-proxy[otel]'")
    return written.rstrip("/")


def _installed() -> bool:
    try:
        return find_spec(EXTRA) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False


class Otlp(Strict):
    """A collector. `headers_env` names the variable with its headers (`name=value,name=value`)."""

    endpoint: Annotated[str, AfterValidator(_collector)]
    headers_env: Annotated[str, Field(pattern=VARIABLE)] = _STANDARD
    traces: bool = True
    metrics: bool = True

    @property
    def target(self) -> OtlpTarget:
        """It as control goes by it."""
        return OtlpTarget(self.endpoint, self.headers_env, traces=self.traces, metrics=self.metrics)


class Telemetry(Strict):
    """Nothing is told to anybody unless a collector is named."""

    otlp: Otlp | None = None
