"""Diagnostics of the lean processes."""

from __future__ import annotations

import json

import pytest

from proxy.telemetry.diagnostics import Diagnostics


def test_diagnostics_are_one_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    """A diagnostic is one JSON object a line, whatever is in it, and quiet below its level."""
    diagnostics = Diagnostics("p", "warning")
    diagnostics.note("quiet")
    diagnostics.error("two\nlines", what={1}, surrogate="\ud800")
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "two\nlines"
