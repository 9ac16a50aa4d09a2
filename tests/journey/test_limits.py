"""What clients of a real proxy meet where limits are configured."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tests.proxy_server import ProxyServer, StartProxy
from tests.waiting import PATIENCE

LIMITS: dict[str, dict[str, object]] = {
    "ann": {"requests": "2/h"},
    "bob": {"prompts": "1/h"},
    "cyd": {"lines": "4/h"},
    "dan": {"output_tokens": "10/h"},
}
PRINCIPALS = {name: {"keys": [f"sk-of-{name}-0123456789"], "limits": limits} for name, limits in LIMITS.items()}


def ask(server: ProxyServer, who: str, path: str, body: bytes, kind: str = "application/json") -> tuple[int, Any, Any]:
    """Status, what the error says if it is one, and the fields."""
    key = PRINCIPALS[who]["keys"][0]
    asked = urllib.request.Request(server.gateway_url + path, data=body, headers={"x-api-key": str(key), "content-type": kind})
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.status, None, answer.headers
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read()), refused.headers


def said(prompt: str, **more: object) -> bytes:
    """A body that both dialects take."""
    return json.dumps({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": prompt}], **more}).encode()


def upload(lines: int) -> bytes:
    """A batch file's form."""
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": json.loads(said("?"))}
    file = "".join(json.dumps(line) + "\n" for _ in range(lines))
    purpose = '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    named = '--b\r\ncontent-disposition: form-data; name="file"; filename="f.jsonl"\r\ncontent-type: application/jsonl\r\n\r\n'
    return f"{purpose}{named}{file}\r\n--b--\r\n".encode()


def test_limits_of_principals(start_proxy: StartProxy) -> None:
    """Each in its provider's words, with the limit's name; what another principal has is untouched."""
    server = start_proxy(configuration={"principals": PRINCIPALS})
    assert [ask(server, "ann", "/anthropic/v1/messages", said("?"))[0] for _ in range(2)] == [200, 200]
    status, told, fields = ask(server, "ann", "/anthropic/v1/messages", said("?"))
    assert (status, told["error"]["type"], fields["x-should-retry"]) == (429, "rate_limit_error", "false")
    assert "principal ann (requests 2/h)" in told["error"]["message"]

    chat = "/openai/v1/chat/completions"
    assert [ask(server, "bob", chat, said("?", seed=number))[0] for number in range(3)] == [200, 200, 200]
    assert "(prompts 1/h)" in ask(server, "bob", chat, said("!"))[1]["error"]["message"]

    form = "multipart/form-data; boundary=b"
    assert ask(server, "cyd", "/openai/v1/files", upload(3), form)[0] == 200
    assert "(lines 4/h)" in ask(server, "cyd", "/openai/v1/files", upload(3), form)[1]["error"]["message"]
    assert ask(server, "cyd", "/openai/v1/files", upload(1), form)[0] == 200

    answers = [ask(server, "dan", chat, said("?", max_tokens=None))[0] for _ in range(12)]
    assert answers[0] == 200
    assert answers[-1] == 429
    refused = [line for line in server.get("/metrics")[1].splitlines() if line.startswith("tos_proxy_limits_refused_total")]
    assert int(refused[0].rsplit(" ", 1)[1]) == 3 + answers.count(429)
