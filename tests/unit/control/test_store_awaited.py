"""What the admin API's callers hear before its store is open."""

from __future__ import annotations

import asyncio
import socket

import httpx2

from proxy.control.store_awaited import answer_until


async def test_callers_are_answered_until_the_store_is_open() -> None:
    """503 with the API's problem, in words elsewhere; afterwards the sockets are there for whoever serves the API."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    opened, stop, missed = (asyncio.Event() for _ in range(3))
    missed.set()
    running = asyncio.create_task(answer_until(opened, stop, [listener], missed=missed))
    async with httpx2.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
        problem = await client.post("/api/v1/principals?limit=1", json={"name": "a"})
        page = await client.get("/")
        assert (await client.head("/api/v1/overview")).status_code == 503
    assert (problem.status_code, problem.headers["retry-after"]) == (503, "5")
    assert problem.headers["content-type"] == "application/problem+json"
    assert (problem.json()["type"], problem.json()["instance"]) == (
        "urn:tos-proxy:problem:store-unavailable",
        "/api/v1/principals",
    )
    assert (page.status_code, page.text) == (503, problem.json()["detail"] + "\n")
    opened.set()
    await running
    caller = socket.create_connection((host, port), timeout=5)
    accepted, _ = listener.accept()
    accepted.close()
    caller.close()
    listener.close()


async def test_a_start_in_order_answers_nobody_itself() -> None:
    """Where the store is opened in time, or the process ends, no socket is touched."""
    for name in ("opened", "stop"):
        events = {"opened": asyncio.Event(), "stop": asyncio.Event()}
        events[name].set()
        await answer_until(events["opened"], events["stop"], [], missed=asyncio.Event())
