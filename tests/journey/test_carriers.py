"""Bodies that carry very many queries, through a running proxy, beside streams: bounded memory, the same bytes, a record a line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from benchmarks.carriers import peak_mib
from tests.conftest import StartProxy
from tests.proxy_server import ProxyServer, seen_by
from tests.torture.carriers_load import BatchFile, MessageBatch, Streams, upload

MOST_MIB = 20.0
LONG = [pytest.mark.long, pytest.mark.timeout(900)]
FILES = [
    pytest.param(BatchFile(2000, 2000), 20, id="2,000 lines"),
    pytest.param(MessageBatch(2000, 2000, "b"), 20, id="2,000 entries"),
    pytest.param(BatchFile(2000, 2000, "c", purpose="vision"), 20, id="8 MB without lines"),
    pytest.param(BatchFile(50_000, 4000), 500, id="50,000 lines", marks=LONG),
    pytest.param(MessageBatch(50_000, 4000, "b"), 500, id="50,000 entries", marks=LONG),
    pytest.param(BatchFile(50_000, 4000, "c", purpose="vision"), 500, id="200 MB without lines", marks=LONG),
]


async def beside_streams(server: ProxyServer, file: BatchFile, width: int) -> tuple[bytes, float]:
    """Upload while streams run; the answer, and what the gateway's memory grew by."""
    port, pid = int(server.gateway_url.rpartition(":")[2]), server.children()["gateway-0"]
    over = asyncio.Event()
    running = asyncio.create_task(Streams(port, width).run(over))
    await asyncio.sleep(2)
    before = peak_mib(pid, again=True)
    answer = await upload(port, file)
    grown = peak_mib(pid) - before
    over.set()
    await running
    return answer, grown


def fields(answer: bytes) -> dict[str, str]:
    """Of the answer's head."""
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def pages(server: ProxyServer, record: str, most: int) -> list[dict[str, Any]]:
    """Lines as the admin API shows them, at most so many pages."""
    found: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(most):
        page = server.api(f"/exchanges/{record}/lines?limit=500{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    return found


@pytest.mark.parametrize(("file", "width"), FILES)
def test_a_long_body_goes_through_beside_streams(start_proxy: StartProxy, file: BatchFile, width: int) -> None:
    """The upstream gets the client's bytes, memory stays within bounds, and every query in it is a record that opens."""
    server = start_proxy()
    answer, grown = asyncio.run(beside_streams(server, file, width))
    assert answer.startswith(b"HTTP/1.1 200"), answer[:1000]
    size, digest = file.measured()
    assert [(each.received, each.sha256) for each in seen_by(server.upstream) if each.received > 100_000] == [(size, digest)]
    assert grown <= MOST_MIB
    record, carried = fields(answer)["x-tos-record"], file.lines if file.purpose == "batch" else 0
    server.until(lambda: server.api(f"/exchanges?endpoint={endpoint_of(file)}")["items"], 60)
    server.until(lambda: server.api(f"/exchanges/{record}")["lines"] == carried, 120)
    shown = server.api(f"/exchanges/{record}")["evidence"]["intent"]
    if not carried:
        return
    assert (shown["facts"]["lines"], sorted(shown["facts"]["models"])) == (carried, ["m-0", "m-1", "m-2"])
    lines = pages(server, record, 4)
    assert [line["number"] for line in lines] == list(range(min(carried, 2000)))
    for line in lines:
        assert line["opens"]
        assert json.loads(line["content"]) == json.loads(file.line(line["number"]))
    assert {line["decision"] for line in lines} == {"flag"}  # nobody declared a purpose


def endpoint_of(file: BatchFile) -> str:
    """As records name it."""
    return "batch_create" if isinstance(file, MessageBatch) else "file_upload"
