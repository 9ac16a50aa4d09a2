"""The /metrics page, and the one-line diagnostics."""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.telemetry import names
from proxy.telemetry.diagnostics import Diagnostics
from proxy.telemetry.prometheus import render, samples


def test_page_is_read_by_the_reference_parser() -> None:
    """The page is what Prometheus' own parser understands, whatever a label holds."""
    told = [[names.ENDED, {"outcome": 'a"b\\c\nd'}, 3], [names.OPEN, {}, 0.5]]
    page = render([*samples(told, {"process": "gateway-0"}), (names.BUILD, {"version": "1"}, 1)])
    families = {family.name: family for family in text_string_to_metric_families(page)}
    ended = families["tos_proxy_exchanges_ended"].samples[0]
    assert (ended.labels, ended.value) == ({"outcome": 'a"b\\c\nd', "process": "gateway-0"}, 3.0)
    assert families["tos_proxy_exchanges_open"].type == "gauge"


def test_foreign_rows_are_left_out() -> None:
    """Rows of another shape or name, from a child gone wrong, do not reach the page."""
    for bad in ([["x", {}, 1]], [["tos_proxy_a b", {}, 1]], [["tos_proxy_a", [], 1]], [["tos_proxy_a", {}, "1"]], ["x"], None, {}):
        assert samples(bad, {}) == []


def test_every_name_has_help() -> None:
    """Each constant is of the prefix and has its help text."""
    constants = {value for key, value in vars(names).items() if key.isupper() and isinstance(value, str) and key != "PREFIX"}
    assert constants == set(names.HELP)
    assert all(name.startswith(names.PREFIX) for name in constants)


def test_diagnostics_are_one_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    """A diagnostic is one JSON object a line, whatever is in it, and quiet below its level."""
    diagnostics = Diagnostics("p", "warning")
    diagnostics.note("quiet")
    diagnostics.error("two\nlines", what={1}, surrogate="\ud800")
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "two\nlines"


def test_structlog_has_the_same_shape(capfd: pytest.CaptureFixture[str]) -> None:
    """Control's structlog and foreign loggers write lines of the same shape."""
    import logging

    import structlog

    from proxy.telemetry.structured import set_up

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
