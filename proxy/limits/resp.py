"""The protocol of Redis, as much of it as scripts need: requests out, replies in (RESP2, https://redis.io/docs/reference/protocol-spec).

Also where a server is: `redis://[USER][:PASSWORD]@HOST[:PORT][/DATABASE]`, `rediss://…` over TLS, `unix:///PATH[?db=DATABASE]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from asyncio import StreamReader

VARIABLE = "TOS_PROXY_LEASES"
"""The environment variable by which `serve` tells gateways of `redis_url`, which is a secret and so not in the snapshot."""
MOST_BYTES = 1 << 20
_PORT = 6379

Reply = bytes | int | list["Reply"] | None


class RespError(Exception):
    """The server said no, or something that is not of this protocol. Its text holds no secret."""


class ServerError(RespError):
    """An error reply; `code` is its first word."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


@dataclass(frozen=True)
class Place:
    """Where a server is and how to be let in; `path` is a socket's, in place of host and port."""

    host: str = ""
    port: int = _PORT
    path: str = ""
    tls: bool = False
    user: str = ""
    password: str = ""
    database: int = 0

    @classmethod
    def of(cls, url: str) -> Place:
        """The place that a URL names.

        Raises: ValueError with a text for people that does not repeat the URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("should be redis://, rediss:// or unix://")
        socket = parts.scheme == "unix"
        named = parse_qs(parts.query).get("db", ["0"])[0] if socket else parts.path.strip("/") or "0"
        if not named.isdigit():
            raise ValueError("the database should be a number")
        if not (parts.path if socket else parts.hostname):
            raise ValueError("should name a socket" if socket else "should name a host")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if socket:
            return cls(path=parts.path, user=user, password=password, database=int(named))
        tls = parts.scheme == "rediss"
        return cls(parts.hostname or "", parts.port or _PORT, "", tls, user, password, int(named))


def request(*words: bytes | str | int) -> bytes:
    """A command and its arguments, framed."""
    pieces = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
        pieces.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(pieces)


async def reply(reader: StreamReader) -> Reply:
    """The next reply.

    Raises: ServerError for an error reply, RespError for what is no reply, IncompleteReadError, OSError.
    """
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest
    if kind == b"-":
        raise ServerError(rest.decode("utf-8", "replace"))
    if kind == b":":
        return _number(rest)
    if kind == b"$":
        length = _size(rest)
        return None if length < 0 else (await reader.readexactly(length + 2))[:-2]
    if kind == b"*":
        count = _size(rest)
        return None if count < 0 else [await reply(reader) for _ in range(count)]
    raise RespError("what came is no reply")


def _number(written: bytes) -> int:
    try:
        return int(written)
    except ValueError:
        raise RespError("what came is no number") from None


def _size(written: bytes) -> int:
    size = _number(written)
    if size > MOST_BYTES:
        raise RespError("a reply is too long")
    return size
