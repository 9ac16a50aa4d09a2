"""Serves the admin application on open sockets with uvicorn, until told to stop. Importing this loads uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

_GRACE_SECONDS = 5
_BELIEVED = ["127.0.0.1", "::1"]


class _Server(uvicorn.Server):
    """uvicorn without its signals: the process has one owner of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Any, listeners: list[socket.socket], stop: asyncio.Event) -> None:
    """Serve until `stop` is set; requests under way then have a few seconds. The sockets are closed on return."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        # a TLS terminator on this machine says that people came by https: single sign-on leads back there, cookies are marked so
        proxy_headers=True,
        forwarded_allow_ips=_BELIEVED,
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=listeners))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        stopping.cancel()
        serving.cancel()
        for listener in listeners:
            listener.close()
