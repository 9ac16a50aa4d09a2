"""Faults planted into a real proxy, to show that the hostile runs would find them.

Each is one small change to the product as its processes start (a `sitecustomize` on their path), the kind of change that a
well-meant edit could make.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "HOSTILE_PLANT"


def planted(names: str, folder: Path) -> dict[str, str]:
    """The environment in which every Python process of a proxy carries these faults (joined by commas). Writes into `folder`."""
    place = folder / "planted"
    place.mkdir(parents=True, exist_ok=True)
    (place / "sitecustomize.py").write_text("from tests.hostile.faults import plant\n\nplant()\n")
    return {"PYTHONPATH": f"{place}{os.pathsep}{ROOT}", VARIABLE: names, "TOS_PROXY_NATIVE": "0"}


def plant() -> None:
    """Carry out the faults that the environment names."""
    for name in os.environ[VARIABLE].split(","):
        PLANTS[name]()


def two_framings() -> None:
    """Content-Length beside Transfer-Encoding is taken, and the length believed."""
    from proxy.wire import head

    strict = head._framing

    def lenient(values: dict[bytes, bytes], minor: int) -> tuple[bool, int | None]:
        if b"transfer-encoding" in values and b"content-length" in values:
            values = {name: value for name, value in values.items() if name != b"transfer-encoding"}
        return strict(values, minor)

    head._framing = lenient


def bare_line_feeds() -> None:
    """Heads whose lines end in LF alone are put right instead of refused."""
    from proxy.wire.server import ServerConnection

    strict = ServerConnection._head

    def lenient(self: ServerConnection, received: bytes) -> None:
        strict(self, re.sub(rb"(?<!\r)\n", b"\r\n", received))

    ServerConnection._head = lenient  # type: ignore[method-assign]


def dot_segments() -> None:
    """Dot segments and doubled slashes in paths are let through."""
    from proxy.gateway import routes

    routes._DOTS = re.compile(rb"(?!)")


def last_key_wins() -> None:
    """Keys that occur twice in an object are not noticed."""
    from proxy.dialects import jsonio

    jsonio._has_duplicates = lambda *_: False


def hop_by_hop() -> None:
    """The fields that Connection names travel on."""
    from proxy.wire import head

    strict = head._connection
    head._connection = lambda value, minor: (frozenset(), strict(value, minor)[1])


def crash() -> None:
    """A colon in a query raises where nobody expects it."""
    from proxy.gateway.routes import Routes

    strict = Routes.find

    def brittle(self: Routes, method: str, target: bytes) -> Any:
        if b":" in target.partition(b"?")[2]:
            raise ZeroDivisionError
        return strict(self, method, target)

    Routes.find = brittle  # type: ignore[method-assign]


def answers_out_of_step() -> None:
    """A refusal of a body leaves the connection open, so that the rest of the body is read as a request."""
    from proxy.wire.request import Request

    Request.keep_alive = property(lambda self: self.head.keep_alive)  # type: ignore[method-assign, assignment]


def get_without_body() -> None:
    """What a GET request has for a body is read as the next request."""
    from proxy.wire.head import RequestHead

    strict = RequestHead.__init__

    def careless(self: RequestHead, *parts: Any) -> None:
        strict(self, *parts)
        if self.method == "GET":
            self.chunked, self.length = False, 0

    RequestHead.__init__ = careless  # type: ignore[method-assign, assignment]


def no_deadlines() -> None:
    """Nobody looks at deadlines."""
    from proxy.wire.deadlines import Deadlines

    Deadlines._begin = lambda self: None  # type: ignore[method-assign]


def unrecorded() -> None:
    """GET requests go upstream without waiting for a record."""
    from proxy.core.oneshot import Oneshot
    from proxy.ledger.stream import Stream

    strict = Stream.intent

    def skipping(self: Stream, intent: Any, *bodies: bytes) -> Oneshot[Any]:
        if intent.method != "GET":
            return strict(self, intent, *bodies)
        done: Oneshot[Any] = Oneshot()
        done.set(None)
        return done

    Stream.intent = skipping  # type: ignore[method-assign, assignment]


PLANTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (
        two_framings,
        bare_line_feeds,
        dot_segments,
        last_key_wins,
        hop_by_hop,
        crash,
        answers_out_of_step,
        get_without_body,
        no_deadlines,
        unrecorded,
    )
}
