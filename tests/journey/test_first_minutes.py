"""A newcomer's first ten minutes: from the first line on the terminal to a decided case, by what terminal and page say."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys

import httpx2
import pytest

from tests.proxy_server import ROOT, TOKEN, ProxyServer, StartProxy
from tests.waiting import PATIENCE

PROVIDER_KEY = "sk-of-the-provider-0123456789"


@pytest.fixture
def server(start_proxy: StartProxy) -> ProxyServer:
    """A proxy as the page says to start it, before a scripted provider."""
    configuration = {"upstreams": {"openai": {"api_key_env": "OPENAI_API_KEY"}}}
    server = start_proxy(configuration=configuration, environ={"OPENAI_API_KEY": PROVIDER_KEY})
    server.wait_admin()
    return server


def typed(server: ProxyServer, *words: str) -> str:
    """What a command prints that a person types."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TOS_PROXY_")}
    environ |= {"PYTHONPATH": str(ROOT), "TOS_PROXY_CONFIG": str(server.folder / "tos-proxy.yaml"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "proxy.cli", *words]
    ran = subprocess.run(command, env=environ, cwd=server.folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def curl(line: str, key: str, *more: str) -> tuple[int, str, str]:
    """Run a line of curl as it stands on the page: status, record id and body."""
    shell = shutil.which("sh") or "/bin/sh"
    written = " ".join([line, "-s", "-i", *(f"-H '{each}'" for each in more)])
    environ = {**os.environ, "OPENAI_API_KEY": key}
    ran = subprocess.run([shell, "-c", written], env=environ, capture_output=True, text=True, timeout=PATIENCE, check=True)
    head, _, body = ran.stdout.replace("\r\n", "\n").partition("\n\n")
    found = re.search(r"^x-tos-record: (\S+)$", head, re.MULTILINE)
    assert found is not None, ran.stdout
    return int(head.split()[1]), found[1], body


def plain(page: str) -> str:
    """A page as a person reads it, white space joined."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: apt-get install curl")
def test_from_the_first_line_to_a_decided_case(server: ProxyServer) -> None:
    """Base URLs and the page's address; one curl as the page has it; the page shows who asked what, and what the terms say of
    training; a principal; the same call for training is 403 with its clause; why; and a case that is decided.
    """
    greeted = server.stdout
    assert f"OPENAI_BASE_URL={server.gateway_url}/openai/v1" in greeted
    assert f"Review      {server.admin_url}" in greeted
    with httpx2.Client(base_url=server.admin_url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE) as browser:
        first = browser.get("/").text
        (line,) = (html.unescape(each) for each in re.findall(r"<pre><code>(curl .*?)</code>", first, re.DOTALL))
        assert server.gateway_url in line
        status, record, _ = curl(line, "sk-my-own-0123456789")
        assert status == 200
        server.until(lambda: server.api("/exchanges")["items"])
        assert "exchanges" in plain(browser.get("/").text)
        assert record in browser.get("/exchanges").text
        shown = plain(browser.get(f"/exchanges/{record}").text)
        for told in (
            "Declared purpose undeclared",
            "gpt-5-mini",
            "As training With the purpose train.general the terms say forbid",
            "openai.services.3.3e",
            "read by",
        ):
            assert told in shown, told
        assert re.search(r"Principal key:[0-9a-f]{12}", shown)
        (adding,) = (html.unescape(each) for each in re.findall(r"<pre><code>tos-proxy (principal add .*?)</code>", first))
        key = re.findall(r"tp_\S+", typed(server, *adding.split()))[0]
        server.until(lambda: curl(line, key)[0] == 200)
        status, record, body = curl(line, key, "x-tos-purpose: train.general")
        assert status == 403
        assert "openai.services.3.3e" in body
        assert record in body
        server.until(lambda: server.api("/cases")["items"])
        why = typed(server, "policy", "explain", record)
        assert "deny" in why
        assert "openai.services.3.3e" in why
        (case,) = server.api("/cases")["items"]
        assert case["id"] in typed(server, "case", "list")
        assert case["id"] in browser.get("/queue").text
        typed(server, "case", "decide", case["id"], "dismissed", "--note", "a first try")
        assert server.api(f"/cases/{case['id']}")["decision"] == "dismissed"
