"""Requests are read as people have them, and what would change them silently is refused."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from proxy.cli.curl import Asked, NotARequestError, from_arguments, from_file, target_of


def curl(command: str) -> Asked:
    """The request of a command."""
    return from_arguments(shlex.split(command))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("curl http://h/a", Asked("http://h/a", "GET")),
        ("curl -sS -X DELETE http://h/a", Asked("http://h/a", "DELETE")),
        ("curl -XPUT h/a -A me", Asked("h/a", "PUT", [("user-agent", "me")])),
        ("curl h/a -H 'x-a: b: c'", Asked("h/a", "GET", [("x-a", "b: c")])),
        ("curl h/a --json 1", Asked("h/a", "POST", [("content-type", "application/json"), ("accept", "application/json")], b"1")),
        ("curl h/a -d a -d b", Asked("h/a", "POST", [("content-type", "application/x-www-form-urlencoded")], b"a&b")),
        ("curl h/a -H 'Content-Type: text/plain' -d 1", Asked("h/a", "POST", [("Content-Type", "text/plain")], b"1")),
        ("curl -m 5 --retry 2 -o /dev/null --url h/a", Asked("h/a", "GET")),
        ("curl -u me:it h/a", Asked("h/a", "GET", [("authorization", "Basic bWU6aXQ=")])),
        ("http://h/a", Asked("http://h/a", "GET")),
    ],
)  # fmt: skip
def test_commands(command: str, expected: Asked) -> None:
    """The options that make a request are read, those about its transport passed over."""
    assert curl(command) == expected


@pytest.mark.parametrize(
    "command", ["curl", "curl h/a -F f=@x", "curl h/a --http3-only", "curl h/a h/b", "curl -G h/a -d x=1", "wget h/a"]
)
def test_what_is_not_read(command: str) -> None:
    """An option that would change the request is refused, not passed over, and so is another program's command."""
    with pytest.raises(NotARequestError):
        curl(command)


def test_bodies_from_files(tmp_path: Path) -> None:
    """`@FILE` is the file's content, its line ends as curl has them."""
    file = tmp_path / "body"
    file.write_bytes(b"a\nb\n")
    assert curl(f"curl h/a -d @{file}").body == b"ab"
    assert curl(f"curl h/a --data-binary @{file}").body == b"a\nb\n"
    assert curl(f"curl h/a --data-raw @{file}").body == f"@{file}".encode()


def test_files() -> None:
    """A file holds a command, or a message with either kind of line end."""
    command = from_file(b"curl http://h/a \\\n  -d '{\"n\": 1}'\n")
    assert (command.method, command.body) == ("POST", b'{"n": 1}')
    for end in (b"\r\n", b"\n"):
        message = from_file(end.join([b"POST /openai/v1/x HTTP/1.1", b"Host: h", b"", b"{}"]))
        assert message == Asked("/openai/v1/x", "POST", [("Host", "h")], b"{}")
    for broken in (b"", b"hello", b"GET / HTTP/1.1\nno field\n\n", b"curl 'open"):
        with pytest.raises(NotARequestError):
            from_file(broken)


def test_heads() -> None:
    """A head has a host and the body's length, and nothing that would be read from a connection."""
    asked = curl("curl h/a -d 12 -H 'Expect: 100-continue'")
    assert asked.message("/x") == (
        b"POST /x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 2\r\n\r\n"
    )
    with pytest.raises(NotARequestError):
        curl("curl h/a -H 'x: €'").message("/x")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8080/openai/v1/models?a=b", "/openai/v1/models?a=b"),
        ("/openai/v1/models", "/openai/v1/models"),
        ("127.0.0.1:8080/openai/v1/models", "/openai/v1/models"),
        ("https://api.openai.com/v1/models", "/openai/v1/models"),
        ("https://openrouter.ai/api/v1/models", "/openrouter/v1/models"),
        ("http://h", "/"),
    ],
)
def test_targets(url: str, target: str) -> None:
    """An address of the proxy keeps its path; a provider's own leads through its upstream."""
    assert target_of(url, {"openai": "https://api.openai.com", "openrouter": "https://openrouter.ai/api"}) == target
