"""What libraries log."""

from __future__ import annotations

import json
import logging

import pytest

from proxy.telemetry.diagnostics import Diagnostics
from proxy.telemetry.foreign import take_over


def test_libraries_write_the_same_shape(capfd: pytest.CaptureFixture[str]) -> None:
    """What libraries log from warnings up comes as lines of the process, with logger and exception; nothing they do raises."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        take_over(Diagnostics("control"))
        logging.getLogger("some.library").info("quiet")
        logging.getLogger("some.library").warning("foreign %s", 2)
        logging.getLogger("odd").critical("%d", "one")
        logging.getLogger("db").error("failed", exc_info=OSError("away"))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["level"], line["process"], line["logger"], line["event"]) for line in lines] == [
        ("warning", "control", "some.library", "foreign 2"),
        ("error", "control", "odd", "%d"),
        ("error", "control", "db", "failed"),
    ]
    assert lines[2]["exception"].endswith("OSError: away\n")
