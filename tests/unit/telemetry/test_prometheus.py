"""The /metrics page."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from proxy.telemetry import names
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
