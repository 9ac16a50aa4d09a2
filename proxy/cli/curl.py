"""Reads a request as people have it: a curl command, or an HTTP/1.1 message in a file. Nothing is sent."""

from __future__ import annotations

import shlex
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from proxy.core.errors import TosProxyError

# Options of curl that say nothing about what is asked, with and without a value of their own.
_ALONE = set("sSvikLNfg#046") | {
    "silent", "show-error", "verbose", "include", "insecure", "location", "no-buffer", "fail", "fail-with-body", "globoff",
    "compressed", "http1.1", "http2", "progress-bar", "no-progress-meter", "ipv4", "ipv6",
}  # fmt: skip
_VALUED = set("omwxbcr") | {
    "output", "max-time", "write-out", "proxy", "connect-timeout", "retry", "retry-delay", "cacert", "cert", "key", "cookie",
    "cookie-jar", "resolve", "connect-to", "range", "unix-socket",
}  # fmt: skip
_LONG = {"X": "request", "H": "header", "d": "data", "A": "user-agent", "u": "user", "G": "get", "F": "form", "e": "referer"}
_TAKEN = {"request", "header", "data", "data-raw", "data-binary", "data-ascii", "json", "url", "user-agent", "user", "referer"}


class NotARequestError(TosProxyError):
    """The text is not a request that can be read; says which part of it is not."""


@dataclass
class Asked:
    """A request: `url` is whatever stood there, `fields` its header fields in order."""

    url: str = ""
    method: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None

    def message(self, target: str) -> bytes:
        """Its head as HTTP/1.1, with a target of one's choice."""
        names = {name.lower() for name, _ in self.fields}
        fields = list(self.fields) if "host" in names else [("host", "127.0.0.1"), *self.fields]
        fields = [(name, value) for name, value in fields if name.lower() not in ("content-length", "transfer-encoding", "expect")]
        if self.body is not None:
            fields.append(("content-length", str(len(self.body))))
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
        try:
            return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        except UnicodeEncodeError as error:
            raise NotARequestError(f"a header field that is not latin-1: {error.object[error.start : error.end]!r}") from None


def from_file(text: bytes) -> Asked:
    """A file's request: a curl command, or a message (request line, header fields, empty line, body). Raises: NotARequestError."""
    if text.lstrip().startswith(b"curl "):
        try:
            return from_arguments(shlex.split(text.decode().replace("\\\n", " ")))
        except ValueError as error:
            raise NotARequestError(f"not a command: {error}") from None
    head, _, body = text.replace(b"\r\n", b"\n").partition(b"\n\n") if b"\r\n\r\n" not in text else text.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").splitlines() or [""]
    parts = first.split(" ")
    if len(parts) not in (2, 3):
        raise NotARequestError(f"neither a curl command nor a request line: {first[:80]!r}")
    asked = Asked(parts[1], parts[0], body=body or None)
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon:
            raise NotARequestError(f"not a header field: {line[:80]!r}")
        asked.fields.append((name.strip(), value.strip()))
    return asked


def from_arguments(arguments: list[str]) -> Asked:
    """A curl command's request. Raises: NotARequestError for options that change a request and are not read here."""
    asked = Asked()
    command = arguments[0] if arguments else ""
    if command != "curl" and not command.startswith("-") and "://" not in command:
        raise NotARequestError(f"not a curl command: it begins with {command!r}")
    given = iter(arguments[1:] if command == "curl" else arguments)
    pieces: list[bytes] = []
    for argument in given:
        if argument.startswith("-") and argument != "-":
            for name, value in _options(argument):
                _take(asked, pieces, name, next(given, "") if value is None and _has_value(name) else value or "")
        elif asked.url:
            raise NotARequestError(f"two addresses: {asked.url} and {argument}")
        else:
            asked.url = argument
    if not asked.url:
        raise NotARequestError("no address")
    if pieces:
        asked.body = b"&".join(pieces)
        if not any(name.lower() == "content-type" for name, _ in asked.fields):
            asked.fields.append(("content-type", "application/x-www-form-urlencoded"))
    asked.method = asked.method or ("POST" if pieces else "GET")
    return asked


def _has_value(name: str) -> bool:
    return name in _TAKEN or name in _VALUED


def _options(argument: str) -> list[tuple[str, str | None]]:
    """`-sSX` is three options, `-XPOST` one with its value; a long one stands alone."""
    if argument.startswith("--"):
        return [(argument[2:], None)]
    found: list[tuple[str, str | None]] = []
    letters = argument[1:]
    for at, letter in enumerate(letters):
        name = _LONG.get(letter, letter)
        if _has_value(name):
            return [*found, (name, letters[at + 1 :] or None)]
        found.append((name, None))
    return found


def _take(asked: Asked, pieces: list[bytes], name: str, value: str) -> None:
    if name in ("request", "url"):
        setattr(asked, {"request": "method", "url": "url"}[name], value)
    elif name == "header":
        field_name, _, content = value.partition(":")
        asked.fields.append((field_name.strip(), content.strip()))
    elif name in ("user-agent", "referer"):
        asked.fields.append((name, value))
    elif name == "user":
        asked.fields.append(("authorization", "Basic " + b64encode(value.encode()).decode()))
    elif name in _TAKEN:
        pieces.append(_content(name, value))
        if name == "json":
            asked.fields += [("content-type", "application/json"), ("accept", "application/json")]
    elif name not in _ALONE and name not in _VALUED:
        dashes = "-" if len(name) == 1 else "--"
        raise NotARequestError(
            f"curl's option {dashes}{name} is not read here; write the request to a file and give --request FILE"
        )


def _content(name: str, value: str) -> bytes:
    """`@FILE` is the file's content, but for `--data-raw`; only `--data-binary` and `--json` keep its line ends."""
    if not value.startswith("@") or name == "data-raw":
        return value.encode("utf-8", "surrogateescape")
    content = Path(value[1:]).read_bytes()
    return content if name in ("data-binary", "json") else content.replace(b"\r", b"").replace(b"\n", b"")


def target_of(url: str, upstreams: dict[str, str]) -> str:
    """Path and query as the gateway sees them. An address of a provider itself leads through the upstream of that host.

    `upstreams`: base URLs by name.
    """
    parts = urlsplit(url if "://" in url or url.startswith("/") else f"http://{url}")
    path = parts.path or "/"
    for name, base in upstreams.items():
        known = urlsplit(base)
        if parts.hostname and parts.hostname == known.hostname and path.startswith(known.path):
            path = f"/{name}{path[len(known.path.rstrip('/')) :]}"
            break
    return f"{path}?{parts.query}" if parts.query else path
