"""`tos-proxy principal`, over the store itself and through a running proxy."""

from __future__ import annotations

import http.client
import json

from tests.proxy_server import ProxyServer, StartProxy
from tests.unit.cli.conftest import Command
from tests.waiting import PATIENCE


def test_without_a_proxy(command: Command) -> None:
    """Principals are added, listed, rotated and suspended in the store when no proxy runs; errors are one line."""
    added = json.loads(command("principal", "add", "bob", "--purpose", "use.product", "--attribute", "team=a", "--json").out)
    assert added["key"].startswith("tp_")
    again = command("principal", "add", "bob")
    assert (again.code, again.err) == (1, "tos-proxy: there is a principal named bob already\n")
    rotated = json.loads(command("principal", "rotate", "bob", "--grace", "1h", "--json").out)
    assert rotated["key"] != added["key"]
    assert len(rotated["keys"]) == 2
    assert command("principal", "limit", "bob", "requests=60/m", "concurrent=8").out == "bob: requests 60/m, concurrent 8\n"
    assert command("principal", "limit", "bob").out == "bob: no limits of its own\n"
    assert command("principal", "suspend", "bob").out == "bob: suspended\n"
    assert "suspended" in command("principal", "list").out
    assert command("principal", "suspend", "bob", "--lift").out == "bob: normal\n"
    assert json.loads(command("principal", "list", "--json").out)[0]["attributes"] == {"team": "a"}


def test_wrong_words(command: Command) -> None:
    """Unknown purposes, names and units are refused in one line."""
    assert "is not a purpose" in command("principal", "add", "x", "--purpose", "use.prodct").err
    assert command("principal", "rotate", "nobody").code == 1
    assert command("principal", "limit", "nobody", "requests=1/m").code == 1
    assert "should be a rate such as 30/m" in command("principal", "add", "x", "--limit", "requests=many").err
    assert command("principal", "rotate", "x", "--grace", "soon").code == 2
    assert command("principal", "add", "x", "--attribute", "novalue").code == 2


def status(server: ProxyServer, key: str) -> int:
    connection = http.client.HTTPConnection(server.gateway_url.removeprefix("http://"), timeout=PATIENCE)
    try:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        connection.request("POST", "/openai/v1/chat/completions", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_through_a_running_proxy(command: Command, start_proxy: StartProxy) -> None:
    """A principal added beside a running proxy is known to its gateway at once, held to its limits, and refused when suspended."""
    options = {"upstreams": {"openai": {"api_key_env": "PROVIDER_KEY"}}}
    server = start_proxy(configuration=options, environ={"PROVIDER_KEY": "sk-provider"})
    file = str(server.folder / "tos-proxy.yaml")
    server.wait_admin()
    added = json.loads(command("principal", "add", "shop", "--purpose", "use.product", "--json", "--config", file).out)
    server.until(lambda: status(server, added["key"]) == 200)
    assert command("principal", "limit", "shop", "requests=1/d", "--config", file).code == 0
    server.until(lambda: status(server, added["key"]) == 429)
    assert command("principal", "suspend", "shop", "--config", file).code == 0
    server.until(lambda: status(server, added["key"]) == 403)
    assert status(server, "tp_unknown") == 401
