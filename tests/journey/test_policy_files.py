"""Policies in a folder, changed under a running proxy: in force within seconds, as a whole, without a restart."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from proxy.app.sets import set_of
from proxy.control.publisher import Publisher
from tests.conftest import StartProxy
from tests.proxy_server import ProxyServer
from tests.unit.policy.written import policy, write
from tests.waiting import PATIENCE

SECONDS = 60.0


def status(server: ProxyServer) -> int:
    """What a call for a model of these tests is answered with."""
    connection = http.client.HTTPConnection(server.gateway_url.removeprefix("http://"), timeout=PATIENCE)
    body = json.dumps({"model": "house-model", "messages": [{"role": "user", "content": "x"}]})
    headers = {"authorization": "Bearer sk-journey", "content-type": "application/json"}
    connection.request("POST", "/openai/v1/chat/completions", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def is_bad(server: ProxyServer) -> bool:
    """Whether the configuration as it is written cannot be used."""
    lines = [line for line in server.get("/metrics")[1].splitlines() if line.startswith("tos_proxy_configuration_bad")]
    return any(line.endswith(" 1") for line in lines)


def test_a_policy_is_turned_on_broken_and_mended(start_proxy: StartProxy, tmp_path: Path) -> None:
    """From shadow to enforce by a change of its file; while any file is bad, each rule of the last good set stays in force, and
    the mistake is told by line and column; mended, the whole new set is in force. The same process answers all along.
    """
    own, match = tmp_path / "own", "{model: house-model}"
    own.mkdir()
    server = start_proxy(configuration={"policies": [str(own)], "packs": []})
    children = server.children()
    assert status(server) == 200
    write(own, "no-house.yaml", policy("no-house", match=match, mode="shadow"))
    rules = Publisher(server.data_dir)
    server.until(lambda: set_of(rules.entries().values()).rules.keys() == {"no-house"}, SECONDS)
    before = set_of(rules.entries().values()).bundle.digest
    assert status(server) == 200
    write(own, "no-house.yaml", policy("no-house", match=match))
    server.until(lambda: status(server) == 403, SECONDS)
    assert set_of(rules.entries().values()).bundle.digest != before
    write(own, "other.yaml", policy("other", when="modle == 'x'"))
    write(own, "no-house.yaml", policy("no-house", match=match, effect="allow"))
    server.until(lambda: is_bad(server), SECONDS)
    told = f"{own}/other.yaml:6:9: spec.when: unknown name modle (did you mean model?)"
    server.until(lambda: told in server.stderr, SECONDS)
    assert status(server) == 403
    write(own, "other.yaml", policy("other", when="model == 'x'"))
    server.until(lambda: status(server) == 200, SECONDS)
    server.until(lambda: not is_bad(server), SECONDS)
    assert set_of(rules.entries().values()).rules.keys() == {"no-house", "other"}
    assert server.children() == children
