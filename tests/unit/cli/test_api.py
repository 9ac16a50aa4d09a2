"""How commands reach the admin API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from proxy.cli.api import ApiError, _content
from tests.proxy_server import StartProxy
from tests.unit.cli.conftest import Command


def test_problems_become_words() -> None:
    """A problem's detail, or its list of errors, is the command's one line."""
    with pytest.raises(ApiError, match=r"^gone$"):
        _content(404, b'{"title": "t", "detail": "gone"}')
    errors = [{"location": "body", "message": "Value error, first"}, {"location": "query.kind", "message": "second"}, "third"]
    errors.append({"location": "body.limits.reqs.[key]", "message": "Input should be 'requests' or 'tokens'"})
    with pytest.raises(typer.BadParameter, match=r"^first; kind: second; third; reqs: should be 'requests' or 'tokens'$"):
        _content(422, json.dumps({"errors": errors}).encode())
    with pytest.raises(ApiError, match="answered 502"):
        _content(502, b"<html>")
    assert _content(200, b'{"a": 1}') == {"a": 1}


def test_the_keys_of_clients_are_not_needed(command: Command, tmp_path: Path) -> None:
    """Who decides cases or reads terms need not have in his environment the keys that configured principals call with."""
    (tmp_path / "tos-proxy.yaml").write_text("principals: {bot: {keys: ['env:GONE'], purpose: use.product}}")
    listed = command("principal", "list", "--json")
    assert (listed.code, json.loads(listed.out)[0]["name"]) == (0, "bot")
    assert command("terms", "verdict", "--upstream", "openai").code == 0
    assert command("config", "check").code == 2


def test_a_new_folder_is_told(command: Command, tmp_path: Path) -> None:
    """A key that is made in a folder nobody serves opens nothing where the proxy runs: the first command there says so, once."""
    assert f"{tmp_path}/tos-proxy-data is new" in command("principal", "add", "lab").err
    assert not command("principal", "add", "lab-2").err


def test_a_proxy_without_admin_is_named(command: Command, start_proxy: StartProxy) -> None:
    """When a proxy without admin API has the store, the command says so."""
    server = start_proxy(configuration={"admin": {"enabled": False}})
    server.until(lambda: "control" in server.children())
    ran = command("principal", "list", "--config", str(server.folder / "tos-proxy.yaml"))
    assert ran.code == 1
    assert "without admin API" in ran.err
