"""The admin application on real sockets."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest
from fastapi import FastAPI, Request

from proxy.control.admin_server import serve


async def test_the_admin_server_answers_until_told_to_stop() -> None:
    """The application is served on the sockets it is given, also behind a TLS terminator on this machine; on stop these are
    closed and the duty ends.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    app = FastAPI()

    @app.get("/there")
    async def there(request: Request) -> str:
        return request.url.scheme

    stop = asyncio.Event()
    running = asyncio.create_task(serve(app, [listener], stop))
    async with httpx2.AsyncClient(base_url=f"http://{address[0]}:{address[1]}", trust_env=False) as client:
        answer = await client.get("/there")
        fronted = await client.get("/there", headers={"x-forwarded-proto": "https"})
    assert (answer.status_code, answer.json(), fronted.json()) == (200, "http", "https")
    assert "server" not in answer.headers
    stop.set()
    await running
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=0.2).close()
