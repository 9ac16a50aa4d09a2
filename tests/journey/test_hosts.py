"""Other hosts by their own SDKs: callers see the same through the proxy, and the records say what callers saw.

Each scripted upstream takes the host's ways (`quirk=`); vLLM and Ollama are asked un-prefixed, like a proxy before one's own model.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from proxy.demo.scripted.seen import Seen
from proxy.demo.upstream import UpstreamProcess, upstream_process
from proxy.settings.builtin import builtin_upstreams
from tests.journey import environments
from tests.journey.comparison import Line, compare_hygiene, compare_lines, compare_requests
from tests.proxy_server import ProxyServer, proxy_server

CLIENT = Path(__file__).parent / "clients" / "hosts_python.py"
LONGEST = 240
MODEL = "model-1"

BASES = {
    "xai": ("/v1", "/xai/v1"),
    "deepseek": ("", "/deepseek"),
    "deepseek anthropic": ("/anthropic", "/deepseek/anthropic"),
    "moonshot": ("/v1", "/moonshot/v1"),
    "moonshot anthropic": ("/anthropic", "/moonshot/anthropic"),
    "minimax": ("/v1", "/minimax/v1"),
    "minimax anthropic": ("/anthropic", "/minimax/anthropic"),
    "openrouter": ("/api/v1", "/openrouter/v1"),
    "openrouter anthropic": ("/api", "/openrouter"),
    "groq": ("", "/groq"),
    "groq openai": ("/openai/v1", "/groq/v1"),
    "together": ("", "/together"),
    "fireworks": ("/inference/v1", "/fireworks/v1"),
    "perplexity": ("", "/perplexity"),
    "cohere": ("", "/cohere"),
    "cohere openai": ("/compatibility/v1", "/cohere/compatibility/v1"),
    "mistral": ("", "/mistral"),
    "azure": ("", "/azure"),
    "vllm": ("/v1", "/v1"),
    "vllm anthropic": ("", ""),
    "ollama": ("", ""),
    "ollama openai": ("/v1", "/v1"),
    "ollama anthropic": ("", ""),
}
"""What an SDK's base URL has after the host's address, and after the proxy's."""
HOSTS = tuple(dict.fromkeys(name.partition(" ")[0] for name in BASES))


class Journey(NamedTuple):
    """Both runs of all scenarios, what the upstreams saw of them, and the proxies, which have the records."""

    direct: list[Line]
    proxied: list[Line]
    seen: list[Seen]
    seen_through: list[Seen]
    hosts: ProxyServer
    ollama: ProxyServer


def _configuration(upstream: UpstreamProcess, default: str) -> dict[str, Any]:
    """Built-in upstreams keep the path of their base URL; a token of Azure's is configured by issuer and subject."""
    paths = {name: urlsplit(fields["base_url"]).path for name, fields in builtin_upstreams().items()}
    upstreams = {name: {"base_url": upstream.url + path} for name, path in {**paths, "azure": "", "vllm": "", "ollama": ""}.items()}
    principals = {"nightly": {"keys": ["jwt:https://sts.windows.net/tenant/#0a1b"], "purpose": "eval.private"}}
    return {"upstreams": upstreams, "default_upstream": default, "principals": principals}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """One process plays all SDKs, straight and through two proxies."""
    with ExitStack() as stack:
        straight, *behind = (stack.enter_context(upstream_process("--repeatable")) for _ in range(3))
        proxies = [
            stack.enter_context(proxy_server(tmp_path_factory.mktemp(name), upstream, configuration=_configuration(upstream, name)))
            for name, upstream in zip(("vllm", "ollama"), behind, strict=True)
        ]
        direct = {name: straight.url + path for name, (path, _) in BASES.items()}
        proxied = {name: proxies[name.startswith("ollama")].gateway_url + path for name, (_, path) in BASES.items()}
        command = [str(environments.python("python-hosts")), str(CLIENT), json.dumps(direct), json.dumps(proxied)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        runs = [[line for line in lines if line["run"] == run] for run in (0, 1)]
        yield Journey(*runs, straight.seen(), [seen for upstream in behind for seen in upstream.seen()], *proxies)


def of_host(lines: list[Line], host: str) -> list[Line]:
    """The scenarios of one host, by whatever SDK."""
    return [line for line in lines if line["scenario"].partition(":")[0].partition(" ")[0] == host]


@pytest.mark.parametrize("host", HOSTS)
def test_callers_see_the_same(journey: Journey, host: str) -> None:
    """Every scenario gives the same result, attempts and headers through the proxy."""
    direct, proxied = of_host(journey.direct, host), of_host(journey.proxied, host)
    assert [line["scenario"] for line in direct] == [line["scenario"] for line in proxied] != []
    differences = [one for pair in zip(direct, proxied, strict=True) for one in compare_lines(*pair)]
    assert not differences, "\n".join(differences)


def test_upstreams_see_the_same(journey: Journey) -> None:
    """The same requests reach the hosts, with the paths that they document."""
    differences = compare_requests(journey.seen, journey.seen_through) + compare_hygiene(journey.seen, journey.seen_through)
    assert not differences, "\n".join(differences)


def said(record: dict[str, Any]) -> dict[str, Any]:
    """What a record says, in the words of `told`."""
    asked, answered = (record["evidence"][part]["facts"] for part in ("intent", "outcome"))
    usage = answered.get("usage", {})
    return {
        **{name: record[name] for name in ("dialect", "endpoint", "model_requested", "model_returned", "principal", "credential")},
        **{name: asked.get(name, default) for name, default in {"messages": 0, "prompts": 1, "stream": False}.items()},
        "inspection": asked.get("inspection", "full"),
        **{name: answered.get(name, 0) for name in ("text_chars", "reasoning_chars", "choices", "events")},
        "finish": answered.get("finish"),
        "unread": answered.get("unread", False),
        "usage": {"input": usage.get("input", 0), "output": usage.get("output", 0)},
    }


def wrong(line: Line, record: dict[str, Any], host: str) -> list[str]:
    """Where a record does not say what its caller saw."""
    answered = record["evidence"]["outcome"]["facts"]
    result = line["result"] if isinstance(line["result"], dict) else {}
    found = [] if (record["upstream"], record["outcome"]) == (host, "completed") else [f"{record['upstream']} {record['outcome']}"]
    if "broken stream" in line["scenario"] and not answered.get("error"):
        found.append("no error in the record")
    if told := result.get("told"):
        says = said(record)
        found += [f"{name} is {says[name]!r}, not {value!r}" for name, value in told.items() if says[name] != value]
        if "text_chars" in told and record["model_returned"] != told.get("model_returned", MODEL):
            found.append(f"the model is {record['model_returned']!r}")
        if answered.get("error") or answered.get("usage", {}).get("estimated"):
            found.append(f"odd facts: {answered}")
    return [f"{line['scenario']}: {each}" for each in found]


@pytest.mark.parametrize("host", HOSTS)
def test_records_say_what_callers_saw(journey: Journey, host: str) -> None:
    """Model, messages, text, thoughts, finish and counts of every answer, wherever the host puts them."""
    server = journey.ollama if host == "ollama" else journey.hosts
    differences = []
    for line in of_host(journey.proxied, host):
        headers = {name.lower(): value for name, value in line["answers"][-1]["headers"]}
        record = shipped(server, headers["x-tos-record"])
        differences += wrong(line, record, host)
    assert not differences, "\n".join(differences)


def shipped(server: ProxyServer, record_id: str) -> dict[str, Any]:
    """A record with its outcome, once it is in the store."""
    found: dict[str, Any] = {}

    def there() -> bool:
        try:
            found.update(server.api(f"/exchanges/{record_id}"))
        except OSError:  # not shipped yet, or the admin API begins only now
            return False
        return found["evidence"]["outcome"] is not None

    server.until(there)
    return found


LINE: Line = {"scenario": "groq: chat", "result": {"told": {"text_chars": 3, "usage": {"input": 5, "output": 7}, "stream": False}}}
INTENT = {"dialect": "openai", "endpoint": "chat", "model_requested": MODEL, "principal": "anonymous", "credential": "none"}


def recorded(upstream: str = "groq", model: str = MODEL, **answer: Any) -> dict[str, Any]:
    """A record of LINE."""
    facts = {"text_chars": 3, "usage": {"input": 5, "output": 7}, **answer}
    evidence = {"intent": {"facts": {}}, "outcome": {"facts": facts}}
    return {**INTENT, "upstream": upstream, "outcome": "completed", "model_returned": model, "evidence": evidence}


def test_wrong_records_are_named() -> None:
    """Words counted twice, lost or estimated counts, an error nobody saw, another model or host: each is found."""
    assert wrong(LINE, recorded(), "groq") == []
    for record in (
        recorded(text_chars=6),
        recorded(usage={"input": 5}),
        recorded(usage={"input": 5, "output": 7, "estimated": True}),
        recorded(error="server_error"),
        recorded(model="other"),
        recorded(upstream="xai"),
    ):
        assert len(wrong(LINE, record, "groq")) == 1
    assert wrong({"scenario": "groq: broken stream", "result": {}}, recorded(), "groq")
