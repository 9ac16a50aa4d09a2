"""Diagnostics of control."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from proxy.telemetry.structured import set_up


def test_structlog_has_the_same_shape(capfd: pytest.CaptureFixture[str]) -> None:
    """Control's structlog and foreign loggers write lines of the same shape."""
    handlers = logging.getLogger().handlers[:]
    try:
        set_up("control")
        structlog.get_logger().info("own", n=1)
        logging.getLogger("uvicorn").warning("foreign %s", 2)
    finally:
        logging.getLogger().handlers[:] = handlers
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["level"], line["process"], line["event"]) for line in lines] == [
        ("info", "control", "own"),
        ("warning", "control", "foreign 2"),
    ]
