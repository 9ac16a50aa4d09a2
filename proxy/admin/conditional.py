"""ETags (RFC 9110 §8.8.3, §13): every answer of the API to a GET has one, by which a client that knows it already is told so (304),
and by which a change is refused when somebody else was faster (412).

A change is of the resource that its address names: `POST /api/v1/cases/{id}/decide` of `/api/v1/cases/{id}`. With `If-Match` it is
compared with what a GET of that says now, and changes with `If-Match` wait for each other, within one control process.
"""

from __future__ import annotations

import asyncio
import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proxy.admin.problems import problem
from proxy.admin.roles import SAFE

ROOT = "/api/v1/"
MOST_BYTES = 1024 * 1024
"""A larger answer has no ETag: it would have to be read as a whole first."""


def etag(body: bytes) -> str:
    """The ETag of an answer's body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(given: str, tag: str) -> bool:
    """Whether a list of ETags has this one, or is `*`; weak ones count as strong, ours are never weak."""
    return any(each.strip().removeprefix("W/") in {tag, "*"} for each in given.split(","))


def resource_of(method: str, path: str) -> str:
    """The address of what a change is of."""
    parts = path.split("/")
    return path if method != "POST" or len(parts) <= 5 else "/".join(parts[:-1])


class Conditional:
    """ASGI: answers with ETags, and refuses what came too late."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not scope["path"].startswith(ROOT):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] in SAFE:
            await self._app(scope, receive, _Tagged(send, headers.get("if-none-match", "")))
        elif "if-match" in headers:
            async with self._turn:
                if matches(headers["if-match"], await self._now(scope)):
                    await self._app(scope, receive, send)
                    return
            told = problem(412, "changed-meanwhile", "It is not any more as the ETag in If-Match says; get it anew.", scope["path"])
            await told(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _now(self, scope: Scope) -> str:
        """The ETag of the resource that is to be changed; one that nothing matches where there is none."""
        path = resource_of(scope["method"], scope["path"])
        headers = [(name, value) for name, value in scope["headers"] if name in {b"host", b"authorization", b"cookie"}]
        asked = {**scope, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
        caught = _Caught()
        await self._app(asked, _nothing, caught)
        return etag(bytes(caught.body)) if caught.status == 200 else ""


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


class _Caught:
    """An answer that nobody is sent."""

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")


class _Tagged:
    """Sends an answer with its ETag, or only that it has not changed."""

    def __init__(self, send: Send, known: str) -> None:
        self._send = send
        self._known = known
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await self._send(message)
            return
        body = message.get("body", b"")
        headers = MutableHeaders(raw=list(start["headers"]))
        headers.setdefault("cache-control", "private, no-cache")
        if message.get("more_body") or len(body) > MOST_BYTES:
            await self._send({**start, "headers": headers.raw})
            await self._send(message)
            return
        tag = etag(body)
        headers["etag"] = tag
        if self._known and matches(self._known, tag):
            del headers["content-length"]
            await self._send({"type": "http.response.start", "status": 304, "headers": headers.raw})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send({**start, "headers": headers.raw})
        await self._send(message)
