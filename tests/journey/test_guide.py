"""The variables of docs/clients.md do what the guide says: with nothing else set, each SDK's question arrives and is read."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.upstream import upstream_process
from proxy.settings.builtin import builtin_upstreams
from tests.journey import environments
from tests.proxy_server import ProxyServer, proxy_server

GUIDE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text().partition("## Frameworks")[0]
SET = dict(re.findall(r"`([A-Z_]+)=http://127\.0\.0\.1:8080(/[^`]*)`", GUIDE))
CLIENT = Path(__file__).parent / "clients" / "by_environment.py"
LONGEST = 240

HOSTS = frozenset(["GROQ_BASE_URL", "TOGETHER_BASE_URL", "PERPLEXITY_BASE_URL", "CO_API_URL", "OLLAMA_HOST"])
READ = {
    "OPENAI_BASE_URL": ("chat", r"/v1/chat/completions"),
    "AZURE_OPENAI_ENDPOINT": ("chat", r"/openai/deployments/model-1/chat/completions\?api-version=.*"),
    "ANTHROPIC_BASE_URL": ("messages", r"/v1/messages"),
    "GOOGLE_GEMINI_BASE_URL": ("generate", r"/v1(beta)?/models/model-1:generateContent"),
    "GROQ_BASE_URL": ("chat", r"/openai/v1/chat/completions"),
    "TOGETHER_BASE_URL": ("chat", r"/v1/chat/completions"),
    "PERPLEXITY_BASE_URL": ("chat", r"/chat/completions"),
    "CO_API_URL": ("rerank", r"/v2/rerank"),
    "OLLAMA_HOST": ("chat", r"/api/chat"),
}
"""As which endpoint each variable's question is recorded, and where its provider has it arrive."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServer]:
    """Upstreams as they are built in, Azure and Ollama configured, all of them one scripted upstream."""
    with upstream_process() as upstream:
        bases = {name: f"{upstream.url}{_path(str(fields['base_url']))}" for name, fields in builtin_upstreams().items()}
        bases |= {"azure": upstream.url, "ollama": upstream.url}
        configuration = {"upstreams": {name: {"base_url": base} for name, base in bases.items()}}
        with proxy_server(tmp_path_factory.mktemp("guide"), upstream, configuration=configuration) as server:
            server.wait_admin()
            yield server


def _path(address: str) -> str:
    return re.sub(r"^https?://[^/]*", "", address)


def test_every_variable_of_the_guide_is_tried() -> None:
    """The guide names these, and no other."""
    assert SET.keys() == READ.keys()


@pytest.mark.parametrize("variable", READ)
def test_a_variable_leads_to_what_is_read(gateway: ProxyServer, variable: str) -> None:
    """The question goes through the proxy to where the provider has it, and its record says what was asked."""
    endpoint, target = READ[variable]
    environ = {name: value for name, value in os.environ.items() if name not in READ}
    environ[variable] = gateway.gateway_url + SET[variable]
    interpreter = environments.python("python-hosts" if variable in HOSTS else "python-newer")
    before = len(gateway.upstream.seen())
    done = subprocess.run(
        [str(interpreter), str(CLIENT), variable], env=environ, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    assert done.returncode == 0, done.stderr
    (seen,) = gateway.upstream.seen()[before:]
    assert re.fullmatch(target, seen.target.decode())
    upstream = SET[variable].split("/")[1]
    gateway.until(lambda: gateway.api(f"/exchanges?upstream={upstream}")["items"])
    (record,) = gateway.api(f"/exchanges?upstream={upstream}")["items"]
    assert (record["endpoint"], record["inspection"], record["model_requested"]) == (endpoint, "full", "model-1")
