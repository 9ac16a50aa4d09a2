"""Leases from a real Redis: what it gives in a window, what it has forgotten, and how it is reached."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

import pytest

from proxy.core.buckets import Bucket, Reservation
from proxy.core.oneshot import Oneshot
from proxy.core.rules import Rate
from proxy.limits import leases, slots
from proxy.limits.redis import Connection, Leasing
from proxy.limits.resp import Place
from proxy.limits.slots import FULL_SECONDS
from proxy.wire.certificate import self_signed
from tests.servers import Redis, free_port, redis
from tests.waiting import PATIENCE

__all__ = ["redis"]

LONG = 86_400.0
"""A window that does not end while a test runs, but at midnight; then what is asserted holds all the more."""


@asynccontextmanager
async def leasing(url: str, folder: Path, complaints: list[str] | None = None) -> AsyncIterator[Leasing]:
    """One worker's leases while it runs."""
    told: list[str] = [] if complaints is None else complaints
    worker = Leasing(url, folder / "epoch", told.append)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in the background."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what happens tells nobody
            await asyncio.sleep(0.005)


async def take(worker: Leasing, bucket: Bucket, amount: int = 1) -> bool:
    """Whether a call may be made; waits as the corridor does, but for as long as it takes."""
    for _ in range(50):
        grant = worker.leases.reserve([(bucket, amount)], monotonic())
        if not isinstance(grant.coming, Oneshot):
            return grant.granted
        coming = grant.coming
        await until(lambda coming=coming: coming.done)  # type: ignore[misc]
        if not worker.leases.linked:
            await until(lambda: worker.leases.linked)
    return False


async def linked(worker: Leasing) -> Leasing:
    """Once Redis has answered."""
    await until(lambda: worker.leases.linked and worker.leases.epoch != "")
    return worker


def bucket(name: str, count: int, kind: str = "requests") -> Bucket:
    """A budget of so many."""
    return Bucket(name, "a", kind, Rate(count, LONG), name)


async def test_several_workers_have_one_budget(redis: Redis, tmp_path: Path) -> None:
    """All of it is let through, and no more, however it is spread over them."""
    pace = bucket("pace", 40)
    async with leasing(redis.url, tmp_path) as one, leasing(redis.url, tmp_path) as two, leasing(redis.url, tmp_path) as three:
        workers = [await linked(worker) for worker in (one, two, three)]
        granted = [await take(workers[number % 3], pace) for number in range(90)]
        assert sum(granted) <= 40
        assert sum(granted) >= 38


async def test_what_a_worker_leaves_another_may_have(redis: Redis, tmp_path: Path) -> None:
    """Leases go back when a worker ends, and what it owed is told."""
    pace = bucket("pace", 640)
    async with leasing(redis.url, tmp_path) as one:
        await linked(one)
        assert all([await take(one, pace) for _ in range(100)])
    async with leasing(redis.url, tmp_path) as two:
        await linked(two)
        assert sum([await take(two, pace) for _ in range(600)]) == 540


async def test_what_is_larger_than_the_budget_waits_for_all_of_it(redis: Redis, tmp_path: Path) -> None:
    """And is paid by the windows that follow."""
    spend = bucket("spend", 100, "tokens")
    async with leasing(redis.url, tmp_path) as one:
        await linked(one)
        assert await take(one, spend, 1000)
        assert not await take(one, spend, 1)
        assert not await take(one, spend, 1000)
    assert b"1000" in redis.say("HVALS", redis.say("KEYS", "*spend*").split(b"\r\n")[2].decode())


async def hold(worker: Leasing, limit: Bucket) -> Reservation | None:
    """An exchange that is let through and stays open."""
    for _ in range(8):
        grant = worker.leases.reserve([(limit, 1)], monotonic())
        if not isinstance(grant.coming, Oneshot):
            return grant.held if isinstance(grant.held, Reservation) else None
        coming = grant.coming
        await until(lambda coming=coming: coming.done)  # type: ignore[misc]
        if not worker.leases.linked:
            await until(lambda: worker.leases.linked)
    return None


async def test_what_is_open_counts_over_all_workers(redis: Redis, tmp_path: Path) -> None:
    """No more than the limit, wherever they are; one that ends makes room anywhere."""
    both = Bucket("both", "a", "concurrent", Rate(3, 0.0), "both")
    async with leasing(redis.url, tmp_path) as one, leasing(redis.url, tmp_path) as two:
        workers = [await linked(worker) for worker in (one, two)]
        held = [await hold(workers[number % 2], both) for number in range(5)]
        assert sum(each is not None for each in held) == 3
        assert held[0] is not None
        one.leases.ended(held[0])
        await until(lambda: not one.leases.due and one.leases._slots[both.key].held == 1)
        await asyncio.sleep(FULL_SECONDS)
        assert await hold(two, both) is not None
        assert await hold(one, both) is None
    async with leasing(redis.url, tmp_path) as three:  # whoever has ended holds nothing
        await linked(three)
        assert all([await hold(three, both) is not None for _ in range(3)])


async def test_what_was_open_where_a_worker_died(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts until the worker was silent for long enough; one that is heard of keeps what it has."""
    monkeypatch.setattr(slots, "HELD_SECONDS", 2.4)
    monkeypatch.setattr(slots, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(leases, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(Leasing, "_give_back", lambda *_: asyncio.sleep(0))
    both = Bucket("both", "a", "concurrent", Rate(2, 0.0), "both")
    async with leasing(redis.url, tmp_path) as one:
        await linked(one)
        assert await hold(one, both) is not None
        async with leasing(redis.url, tmp_path) as two:
            await linked(two)
            assert await hold(two, both) is not None
        async with leasing(redis.url, tmp_path) as three:
            await linked(three)
            assert await hold(three, both) is None
            async with asyncio.timeout(PATIENCE):
                while await hold(three, both) is None:  # noqa: ASYNC110 - Redis forgets by its own clock
                    await asyncio.sleep(0.1)
            assert await hold(three, both) is None


async def test_a_flush_forgets_nothing_that_is_open(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until all who have something open have said so, nothing new is let in."""
    monkeypatch.setattr(slots, "HELD_SECONDS", 2.5)
    both = Bucket("both", "a", "concurrent", Rate(3, 0.0), "both")
    async with leasing(redis.url, tmp_path) as one, leasing(redis.url, tmp_path) as two:
        assert await hold(await linked(one), both) is not None
        assert await hold(await linked(two), both) is not None
        redis.say("FLUSHALL")
        await until(lambda: one.leases.voided == two.leases.voided == 1)
        assert await hold(one, both) is None
        await asyncio.sleep(2.6)
        assert await hold(one, both) is not None
        assert await hold(two, both) is None


async def test_a_flush_voids_leases_and_the_window(redis: Redis, tmp_path: Path) -> None:
    """What was let through before is known to nobody, so nothing more is; a budget whose window begins later gives."""
    pace, short = bucket("pace", 1000), Bucket("short", "a", "requests", Rate(5, 0.05), "short")
    async with leasing(redis.url, tmp_path) as one, leasing(redis.url, tmp_path) as two:
        await linked(two)
        assert await take(await linked(one), pace)
        redis.say("FLUSHALL")
        await until(lambda: one.leases.voided == 1)
        assert not await take(one, pace)
        assert not await take(two, pace)
        await asyncio.sleep(0.06)
        assert await take(one, short)
    redis.say("FLUSHALL")  # a worker that is started again knows that there was something to forget
    async with leasing(redis.url, tmp_path) as again:
        assert not await take(await linked(again), pace)
    redis.say("FLUSHALL")  # where there was nothing yet, nothing is forgotten
    other = tmp_path / "other"
    other.mkdir()
    async with leasing(redis.url, other) as first:
        assert await take(await linked(first), pace)


async def test_a_server_that_was_killed_comes_back(redis: Redis, tmp_path: Path) -> None:
    """Until then leases are spent; its window gives nothing more, though the script is new to it."""
    pace, complaints = bucket("pace", 10_000), list[str]()
    async with leasing(redis.url, tmp_path, complaints) as one:
        await linked(one)
        for _ in range(100):
            assert await take(one, pace)
        redis.kill()
        await until(lambda: not one.leases.linked)
        left = sum(one.leases.reserve([(pace, 1)], monotonic()).granted for _ in range(1000))
        assert 0 < left <= 10_000 // 32
        redis.start()
        await linked(one)
        assert not await take(one, pace)
        assert len(complaints) >= 1
        assert one.leases.voided == 1


async def test_a_silent_server_makes_nobody_wait_twice(redis: Redis, tmp_path: Path) -> None:
    """It is away until it answers."""
    pace = bucket("pace", 10)
    async with leasing(redis.url, tmp_path) as one:
        await linked(one)
        redis.freeze()
        first = one.leases.reserve([(pace, 1)], monotonic()).coming
        assert isinstance(first, Oneshot)
        await until(lambda: first.done)
        assert one.leases.reserve([(pace, 1)], monotonic()).coming is None
        redis.thaw()
        await linked(one)
        assert await take(one, pace)


async def test_whoever_comes_first_waits_for_the_connection(redis: Redis, tmp_path: Path) -> None:
    """And is told no at once where there is none."""
    async with leasing(redis.url, tmp_path) as one:
        assert await take(one, bucket("pace", 2))
    redis.kill()
    async with leasing(redis.url, tmp_path) as two:
        await until(lambda: not two.leases.linked)
        refused = two.leases.reserve([(bucket("pace", 2), 1)], monotonic())
        assert (refused.granted, refused.coming) == (False, None)


async def test_ways_in(redis: Redis, tmp_path: Path) -> None:
    """By a socket, with a password, into a database of one's own; a wrong password is told without repeating it."""
    redis.say("CONFIG", "SET", "requirepass", "sesame")
    connection = await Connection.open(Place.of(f"unix://:sesame@{redis.socket}?db=3"))
    assert await connection.call("SET", "here", 1) == b"OK"
    assert len(connection.run) == 40
    connection.close()
    complaints: list[str] = []
    async with leasing(redis.url.replace("://", "://:guess@"), tmp_path, complaints):
        await until(lambda: bool(complaints))
    assert "guess" not in complaints[0]
    async with leasing(redis.url.replace("://", "://default:sesame@"), tmp_path) as one:
        assert await take(await linked(one), bucket("pace", 2))


async def test_a_place_over_tls(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its certificate is checked against those that the machine trusts."""
    certificate, key = self_signed(tmp_path / "tls", ["localhost"])
    port = free_port()
    redis.kill()
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate))
    redis.start("--tls-port", str(port), "--tls-auth-clients", "no", *files)
    place = f"rediss://localhost:{port}"
    complaints: list[str] = []
    async with leasing(place, tmp_path, complaints):
        await until(lambda: bool(complaints))
    assert "certificate" in complaints[0]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with leasing(place, tmp_path) as one:
        assert await take(await linked(one), bucket("pace", 2))


async def test_tokens_that_nobody_could_foresee(redis: Redis, tmp_path: Path) -> None:
    """Are passed by no more than what was open is longer than was reserved; that is counted."""
    spend = bucket("spend", 100, "output_tokens")
    async with leasing(redis.url, tmp_path) as one:
        await linked(one)
        used = 0
        for _ in range(20):
            if not await take(one, spend):
                break
            one.leases.settle(Reservation([(spend, 1, 0.0)], []), {"output_tokens": 30}, monotonic())
            await until(lambda: not one.leases.due)
            await asyncio.sleep(0.01)
            used += 30
        assert 90 <= used <= 130
        assert one.leases.overrun == max(used - 100, 0)
