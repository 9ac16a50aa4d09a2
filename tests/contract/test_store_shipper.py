"""The shipper between a real spool and a real store: what a gateway wrote is what can be asked and opened afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.control.shipper import Shipper
from proxy.ledger import secrets, store_content, store_exchanges
from proxy.ledger.recorder import Recorder
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from tests.spools import begin, end, exchange, open_recorder


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def recorder(tmp_path: Path) -> AsyncIterator[Recorder]:
    opened = open_recorder(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def shipper(store: Store, tmp_path: Path, recorder: Recorder) -> Shipper:
    return Shipper(store, tmp_path, KeyringReader(tmp_path, secrets.load(tmp_path).master), lambda *_, **__: None)


async def opened(store: Store, data_dir: Path, record_id: str) -> tuple[store_content.Part, store_content.Part]:
    found = await store_exchanges.record(store, record_id)
    assert found is not None
    return await store_content.opened(store, found, AESGCM(secrets.load(data_dir).master))


async def test_content_comes_back_and_opens_its_commitments(
    store: Store, shipper: Shipper, recorder: Recorder, tmp_path: Path
) -> None:
    """Request and answer of a shipped exchange are the bytes that passed, compressed in the store, true to their commitments."""
    request, answer = b'{"ask": "' + b"why " * 500 + b'"}', b"because " * 500
    record_id = await exchange(recorder, request, answer)
    assert await shipper.pass_once()
    asked, answered = await opened(store, tmp_path, record_id)
    assert (asked.content, asked.opens, answered.content, answered.opens) == (request, True, answer, True)
    async with store.read() as connection:
        sealed = (await connection.exec_driver_sql("SELECT sum(length(sealed)) FROM contents")).scalar()
    assert sealed < 500


async def test_pieces_are_joined_in_order(store: Store, shipper: Shipper, recorder: Recorder, tmp_path: Path) -> None:
    """A long request and a streamed answer come back whole, whatever batches their pieces were shipped in."""
    pieces = tuple(os.urandom(200_000) for _ in range(8))
    stream = await begin(recorder, b"the end", pieces=pieces)
    answer = [os.urandom(5000) for _ in range(6)]
    for piece in answer[:4]:
        stream.answer(piece)
        await asyncio.sleep(0.12)
        await shipper.pass_once()
    row = await store_exchanges.record(store, stream.id)
    assert row is not None
    assert row.row["outcome"] is None
    await end(stream, *answer[4:])
    await shipper.pass_once()
    asked, answered = await opened(store, tmp_path, stream.id)
    assert (asked.content, asked.opens) == (b"".join(pieces) + b"the end", True)
    assert (answered.content, answered.opens) == (b"".join(answer), True)
    async with store.read() as connection:
        largest = (await connection.exec_driver_sql("SELECT max(size) FROM contents")).scalar()
    assert largest <= 1024 * 1024 + 200_000


async def test_digests_keep_no_bytes(store: Store, shipper: Shipper, recorder: Recorder, tmp_path: Path) -> None:
    """An exchange recorded by digests has its evidence in the store and a reason where its bytes would be."""
    stream = await begin(recorder, b"tail", content="digests", pieces=(b"secret words" * 100,))
    record_id = await end(stream, b"also secret")
    await shipper.pass_once()
    asked, answered = await opened(store, tmp_path, record_id)
    assert (asked.content, asked.reason, answered.content, answered.reason) == (None, "digests", None, "digests")


async def test_an_open_exchange_says_so(store: Store, shipper: Shipper, recorder: Recorder, tmp_path: Path) -> None:
    """Until its outcome is shipped an exchange shows its request, and `open` in place of the answer."""
    stream = await begin(recorder, b"ask")
    await shipper.pass_once()
    asked, answered = await opened(store, tmp_path, stream.id)
    assert (asked.content, answered.content, answered.reason) == (b"ask", None, "open")
    await end(stream)


async def test_a_restart_goes_on_where_the_store_is(store: Store, shipper: Shipper, recorder: Recorder, tmp_path: Path) -> None:
    """A new shipper writes only what the store does not have, over any number of epochs."""
    await exchange(recorder)
    await shipper.pass_once()
    await exchange(recorder)
    again = Shipper(store, tmp_path, KeyringReader(tmp_path, secrets.load(tmp_path).master), lambda *_, **__: None)
    await again.pass_once()
    assert again.progress.entries == 2
    other = open_recorder(tmp_path, 1)
    await exchange(other)
    await other.close()
    await again.pass_once(thorough=True)
    again._list_at = 0.0
    await again.pass_once(thorough=True)
    assert again.progress.entries == 2 + 4
    page, _ = await store_exchanges.page(store, store_exchanges.Wanted())
    assert len(page) == 3
