"""`tos-proxy healthcheck`."""

from __future__ import annotations

import json

from tests.proxy_server import ProxyServer
from tests.unit.cli.conftest import Command


def test_yes_and_no(command: Command, shared_proxy_server: ProxyServer) -> None:
    """Exit 0 from a ready proxy, 1 with the reason when nobody answers."""
    file = str(shared_proxy_server.folder / "tos-proxy.yaml")
    ran = command("healthcheck", "--config", file)
    assert (ran.code, ran.out.split(";")[0].strip(), ran.err) == (0, "ready", "")
    assert json.loads(command("healthcheck", "--live", "--json", "--config", file).out)["ok"] is True
    assert command("healthcheck", "--config", "/dev/null").code in {0, 1}
