"""The dashboard and the alert rules: whatever they name is there, on the page of a real proxy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from proxy.telemetry import names
from tests.proxy_server import ROOT, ProxyServer, StartProxy

DASHBOARD = ROOT / "deploy" / "grafana" / "tos-proxy.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
NAME = re.compile(r"\btos_proxy_[a-z0-9_]+")
SELECTOR = re.compile(r"(tos_proxy_[a-z0-9_]+)\{([^}]*)\}")
GROUPING = re.compile(r"\bby \(([^)]*)\)")
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$instance": "here"}
"""What Grafana puts into the dashboard's expressions, and an example of each."""
OUTSIDE = {"instance", "process", "le"}
"""Labels that Prometheus, the supervisor and the form of histograms give."""


def expressions() -> list[str]:
    """Every expression of both files."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    found += [variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable]
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return found + [rule["expr"] for group in groups for rule in group["rules"]]


def unknown(found: list[str], exposed: set[str]) -> set[str]:
    """Names that no proxy exposes."""
    return {name for expression in found for name in NAME.findall(expression)} - exposed


def misnamed(found: list[str]) -> set[str]:
    """Labels that none of the names in their expression has."""
    wrong = set()
    for expression in found:
        known = OUTSIDE.union(*(names.LABELS.get(name, ()) for name in NAME.findall(expression)))
        asked = {label.strip() for group in GROUPING.findall(expression) for label in group.split(",")}
        asked |= {label for _, inside in SELECTOR.findall(expression) for label in re.findall(r"([a-z_]+)\s*[=!]", inside)}
        wrong |= asked - known
    return wrong


LISTED = {f"{name}_count" if name in names.HISTOGRAMS else name for name in names.HELP}
"""Names of samples that the page of metrics lists."""


def exposed_by(server: ProxyServer) -> list[Sample]:
    """What a proxy exposes."""
    families = text_string_to_metric_families(server.get("/metrics")[1])
    return [sample for family in families for sample in family.samples]


@pytest.fixture
def server(start_proxy: StartProxy) -> ProxyServer:
    """A proxy that has carried one call, with shared limits, whose Redis is away."""
    server = start_proxy(configuration={"redis_url": "redis://127.0.0.1:1/0"})
    body = b'{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}'
    headers = {"authorization": "Bearer sk-test", "content-type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(server.gateway_url + "/openai/v1/chat/completions", body, headers)
    ) as answer:
        answer.read()
    server.until(lambda: {sample.name for sample in exposed_by(server)} >= LISTED)  # some duties begin late
    return server


def test_what_is_watched_is_exposed(server: ProxyServer) -> None:
    """Dashboard and alerts name only what a proxy exposes, by labels that it has; a name with a slip in it is found; and what the
    page of metrics lists is what a proxy exposes, labels and all.
    """
    samples = exposed_by(server)
    exposed = {sample.name for sample in samples}
    assert not unknown(expressions(), exposed)
    assert unknown(["rate(tos_proxy_exchanges_admited_total[5m])"], exposed)
    assert not misnamed(expressions())
    assert misnamed(['tos_proxy_decisions_total{verdict="deny"}', "sum by (principal) (tos_proxy_tokens_total)"]) == {
        *("verdict", "principal")
    }
    assert exposed >= LISTED
    for sample in samples:
        family = next(name for name in names.HELP if sample.name.startswith(name))
        assert set(sample.labels) - {"process"} <= set(names.LABELS.get(family, ())), sample.name
    counted = {(sample.name, *sample.labels.values()): sample.value for sample in samples}
    assert sum(value for key, value in counted.items() if key[0] == names.DECISIONS) == 1
    assert counted["tos_proxy_tokens_total", "openai", "output", "gateway-0"] > 0
    assert counted["tos_proxy_dispatch_seconds_count", "gateway-0"] == 1
    assert counted["tos_proxy_dispatch_seconds_bucket", "+Inf", "gateway-0"] == 1


def test_rules_are_whole() -> None:
    """Each rule has a name of its own, an expression whose brackets close, a severity and a text for who is woken."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 5
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
    for expression in expressions():
        for opened, closed in ("()", "[]", "{}"):
            assert expression.count(opened) == expression.count(closed), expression


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What Prometheus's own tool says."""
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not there (apt-get install prometheus)")
def test_prometheus_takes_them(tmp_path: Path) -> None:
    """Prometheus reads all rules and every expression of the dashboard, and each alert fires for what it is for and for nothing
    else; a threshold that is off is noticed.
    """
    assert promtool("test", "rules", ALERTS.with_name("alerts_test.yaml")).returncode == 0
    drawn = []
    for number, expression in enumerate(expressions()):
        plain = re.sub(r"^label_values\((.+), \w+\)$", r"\1", expression)
        for variable, example in VARIABLES.items():
            plain = plain.replace(variable, example)
        drawn.append({"record": f"drawn:{number}", "expr": plain})
    rules = tmp_path / "drawn.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "drawn", "rules": drawn}]}))
    told = promtool("check", "rules", rules)
    assert told.returncode == 0, told.stderr
    (tmp_path / ALERTS.name).write_text(ALERTS.read_text().replace("> 600", "> 800"))
    shutil.copy(ALERTS.with_name("alerts_test.yaml"), tmp_path)
    assert "TosProxySpoolGrows" in promtool("test", "rules", tmp_path / "alerts_test.yaml").stderr
