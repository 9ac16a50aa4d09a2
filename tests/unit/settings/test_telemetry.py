"""Section `telemetry`."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.otlp import OtlpTarget
from tests.unit.settings.written import complaints, loaded


def test_a_collector_is_named(tmp_path: Path) -> None:
    """Its address without a slash at the end, and the variable that OpenTelemetry itself knows."""
    otlp = loaded(tmp_path, "telemetry: {otlp: {endpoint: 'http://127.0.0.1:4318/', metrics: false}}\n").settings.telemetry.otlp
    assert otlp is not None
    assert otlp.target == OtlpTarget("http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_HEADERS", traces=True, metrics=False)
    assert loaded(tmp_path, "").settings.telemetry.otlp is None


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "grpc://collector", "http://user:secret@collector", "http://c/?a=b"])
def test_what_is_no_collector(tmp_path: Path, endpoint: str) -> None:
    """Another scheme, a password or a query is refused, and no password is repeated."""
    told = complaints(tmp_path, f"telemetry: {{otlp: {{endpoint: '{endpoint}'}}}}\n")
    assert len(told) == 1
    assert "secret" not in str(told)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who did not install it is told how, with the place of the key."""
    for missing in ("opentelemetry_of_nobody.proto", "proxy.nothing"):
        monkeypatch.setattr("proxy.settings.telemetry.EXTRA", missing)
        (told,) = complaints(tmp_path, "telemetry:\n  otlp:\n    endpoint: http://127.0.0.1:4318\n")
        assert "pip install 'tos-proxy[otel]'" in str(told)
        assert ":3:" in str(told)
