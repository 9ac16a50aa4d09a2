"""Limits that workers and hosts share, with their Redis flushed, killed, frozen and started again under load: whatever happens, no
window lets more through than its limit, no more are open at once than may be, nobody waits for Redis, and there is no 5xx.

    python -m tests.torture.limits                        # a minute of leases alone, of slots, then of two proxies
    python -m tests.torture.limits --seconds 10 --sabotage outlived

Faults: a lease `outlived` its window; a flushed Redis that `forgot` gives the window a second time; a lease's end is counted too
`late`, as it is from an answer instead of from the question; `uncounted`: what others have open is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import random
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from unittest import mock

from proxy.core.buckets import Bucket, Reservation
from proxy.core.oneshot import Oneshot
from proxy.core.rules import Rate
from proxy.demo.upstream import upstream_process
from proxy.limits import script, slots
from proxy.limits.accounts import Account, Ask, Given
from proxy.limits.redis import Leasing
from tests.proxy_server import ProxyServer, proxy_server
from tests.servers import Redis, redis_server
from tests.waiting import PATIENCE

WORKERS = 8
LIMIT, SPAN = 1600, 0.25
OPEN = 5
"""Exchanges that may be open at once, over all workers."""
SILENCE = 4.0
"""Seconds after which a silent worker's exchanges are taken to have ended; longer than any outage here."""
HOSTS_LIMIT, HOSTS_SPAN = 30, 2.0
CLIENTS = 3
"""Of each host."""
CALM, FLUSH = "calm", "flush"
EVENTS = (CALM, FLUSH, "freeze", "kill", "restart")


@dataclass
class Counted:
    """What came of one run. `admitted`: between which moments of the shared clock each was."""

    admitted: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0

    def judge(self, limit: int, span: float) -> Counted:
        """Say where more was let through than may be: what was certainly let through within some windows in a row."""
        inside = sorted((int(begin // span), int(end // span)) for begin, end in self.admitted)
        firsts = [first for first, _ in inside]
        for first in sorted(set(firsts)):
            from_here = inside[bisect_left(firsts, first) :]
            for last in (first, first + 1, first + 2):
                certain = sum(begin >= first and end <= last for begin, end in from_here)
                if certain > limit * (last - first + 1):
                    self.wrong.append(f"windows {first} to {last}: {certain} let through, {limit} each are allowed")
        return self


@contextmanager
def planted(fault: str) -> Iterator[None]:
    """A fault in place of what keeps limits exact."""
    with ExitStack() as stack:
        if fault == "outlived":
            stack.enter_context(mock.patch.object(Account, "at_hand", lambda self, _now: self._left))
            receive = Account.receive

            def keeps(self: Account, ask: Ask, given: Given, clock_us: int, sent: float, now: float) -> None:
                left = self._left
                receive(self, ask, given, clock_us, sent, now)
                self._left = left + given.amount

            stack.enter_context(mock.patch.object(Account, "receive", keeps))
        elif fault == "forgot":
            text = script.TEXT.replace("if ARGV[3] == '1' then void = now else void = 0 end", "void = 0").replace(
                "id, void, begun = ARGV[2], now, true", "id, void, begun = ARGV[2], 0, true"
            )
            text = text.replace("void, begun = now, true", "void, begun = 0, true")
            stack.enter_context(mock.patch.object(script, "TEXT", text))
            stack.enter_context(mock.patch.object(script, "DIGEST", "0" * 40))
        elif fault == "uncounted":
            text = script.TEXT.replace("others = others + tonumber(has)", "others = 0")
            stack.enter_context(mock.patch.object(script, "TEXT", text))
            stack.enter_context(mock.patch.object(script, "DIGEST", "0" * 40))
        elif fault == "late":
            receive = Account.receive
            stack.enter_context(
                mock.patch.object(
                    Account,
                    "receive",
                    lambda self, ask, given, clock, _sent, now: receive(self, ask, given, clock, now + 0.05, now),
                )
            )
        yield


# --- leases alone: many workers, short windows, every decision timed


async def storm(server: Redis, seconds: float, folder: Path, seed: int, events: Sequence[str] = EVENTS) -> Counted:
    """Workers that take whatever they are given, while their Redis fails."""
    counted = Counted()
    chance = random.Random(seed)
    bucket = Bucket("storm", "", "requests", Rate(LIMIT, SPAN), "storm")
    workers = [Leasing(server.url, folder / f"epoch{number % 2}", lambda _: None) for number in range(WORKERS)]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    until = monotonic() + seconds
    takers = [asyncio.create_task(_take(worker, bucket, until, counted)) for worker in workers for _ in range(2)]
    while monotonic() < until:
        await asyncio.sleep(chance.uniform(0.3, 0.7))
        await asyncio.to_thread(_befall, server, chance.choice(events))
    await asyncio.gather(*takers)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return counted.judge(LIMIT, SPAN)


async def _take(worker: Leasing, bucket: Bucket, until: float, counted: Counted) -> None:
    """In every other window all that there is; in those between less than that, so that leases are left at their end."""
    while monotonic() < until:
        rush = int(time.time() // SPAN) % 2
        for _ in range(20 if rush else 3):
            begin, asked = time.time(), monotonic()
            grant = worker.leases.reserve([(bucket, 1)], asked)
            if grant.granted:
                counted.admitted.append((begin, time.time()))
                assert isinstance(grant.held, Reservation)
                continue
            counted.refused += 1
            if isinstance(grant.coming, Oneshot):
                while not grant.coming.done:  # noqa: ASYNC110 - a Oneshot is awaited by what `drive` drives alone
                    await asyncio.sleep(0.002)
                counted.longest = max(counted.longest, monotonic() - asked)
            break
        await asyncio.sleep(0.002 if rush else 0.01)


def _befall(server: Redis, event: str) -> None:
    if event == CALM:
        return
    if event == FLUSH:
        rush = 2 * SPAN
        time.sleep(rush - (time.time() + SPAN) % rush + SPAN / 20)  # in the middle of a window's demand
        server.say("FLUSHALL")
    elif event == "freeze":
        server.freeze()
        time.sleep(0.1)
        server.thaw()
    else:
        server.kill()
        if event == "kill":
            time.sleep(0.2)
        server.start()


# --- slots: exchanges that stay open for a while


async def crowd(server: Redis, seconds: float, folder: Path, seed: int, events: Sequence[str] = EVENTS) -> Counted:
    """Workers that open what they may, while their Redis fails: how many are open is known here, and nowhere else for certain."""
    counted, opened = Counted(), [0]
    chance = random.Random(seed)
    bucket = Bucket("crowd", "", "concurrent", Rate(OPEN, 0.0), "crowd")
    with mock.patch.object(slots, "HELD_SECONDS", SILENCE), mock.patch.object(slots, "RENEW_SECONDS", SILENCE / 8):
        workers = [Leasing(server.url, folder / f"epoch{number % 2}", lambda _: None) for number in range(WORKERS)]
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        until = monotonic() + seconds
        takers = [asyncio.create_task(_open(worker, bucket, until, counted, opened)) for worker in workers for _ in range(2)]
        while monotonic() < until:
            await asyncio.sleep(chance.uniform(0.3, 0.7) if FLUSH not in events else SILENCE * 1.5)
            await asyncio.to_thread(_befall, server, chance.choice(events))
        await asyncio.gather(*takers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return counted


async def _open(worker: Leasing, bucket: Bucket, until: float, counted: Counted, opened: list[int]) -> None:
    """One exchange after the other, each open for some hundredths of a second."""
    chance = random.Random(id(worker))
    while monotonic() < until:
        asked = monotonic()
        grant = worker.leases.reserve([(bucket, 1)], asked)
        if isinstance(grant.coming, Oneshot):
            while not grant.coming.done:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.002)
            counted.longest = max(counted.longest, monotonic() - asked)
            continue
        if not isinstance(grant.held, Reservation):
            counted.refused += 1
            await asyncio.sleep(0.02)
            continue
        opened[0] += 1
        counted.admitted.append((asked, asked))
        if opened[0] > OPEN:
            counted.wrong.append(f"{opened[0]} are open, {OPEN} may be")
        await asyncio.sleep(chance.uniform(0.01, 0.05))
        opened[0] -= 1
        worker.leases.ended(grant.held)


# --- two proxies of two workers each


def hosts(server: Redis, seconds: float, folder: Path, seed: int, *, alone: bool = False) -> Counted:
    """Clients of two hosts ask as fast as they can. `alone`: these have no Redis, which is the fault."""
    counted = Counted()
    limits = {"upstreams": {"openai": {"requests": f"{HOSTS_LIMIT}/{HOSTS_SPAN:g}s"}}}
    configuration = {"gateway": {"workers": 2}, "limits": limits, **({} if alone else {"redis_url": server.url})}
    command = ("-m", "proxy.cli", "serve", "--role", "gateway")
    with upstream_process("--repeatable") as first, upstream_process("--repeatable") as second, ExitStack() as stack:
        proxies = [
            stack.enter_context(proxy_server(folder / f"host{number}", upstream, configuration=configuration, command=command))
            for number, upstream in enumerate((first, second))
        ]
        until = monotonic() + seconds
        clients = [threading.Thread(target=_ask, args=(proxy, until, counted)) for proxy in proxies for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        chance = random.Random(seed)
        while monotonic() < until:
            time.sleep(chance.uniform(1.0, 2.0))
            _befall(server, chance.choice(EVENTS))
        for client in clients:
            client.join()
    return counted.judge(HOSTS_LIMIT, HOSTS_SPAN)


def _ask(proxy: ProxyServer, until: float, counted: Counted) -> None:
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
    head = {"authorization": "Bearer sk-limits", "content-type": "application/json"}
    host = proxy.gateway_url.removeprefix("http://")
    while monotonic() < until:
        connection = http.client.HTTPConnection(host, timeout=PATIENCE)  # a new one each time, so that both workers have their part
        begin = time.time()
        try:
            connection.request("POST", "/openai/v1/chat/completions", body, head)
            answer = connection.getresponse()
            answer.read()
        except OSError as error:
            counted.wrong.append(f"no answer: {error}")
            continue
        finally:
            connection.close()
        end = time.time()
        if answer.status == 200:
            counted.admitted.append((begin, end))
        elif answer.status == 429:
            counted.refused += 1
            time.sleep(0.02)
        else:
            counted.wrong.append(f"status {answer.status}")


def leases_alone(seconds: float, folder: Path, seed: int = 0, fault: str = "", events: Sequence[str] = EVENTS) -> Counted:
    """`storm` with a Redis of its own."""
    with redis_server(folder / "redis") as server, planted(fault):
        return asyncio.run(storm(server, seconds, folder, seed, events))


def slots_alone(seconds: float, folder: Path, seed: int = 0, fault: str = "", events: Sequence[str] = EVENTS) -> Counted:
    """`crowd` with a Redis of its own."""
    with redis_server(folder / "redis") as server, planted(fault):
        return asyncio.run(crowd(server, seconds, folder, seed, events))


def two_hosts(seconds: float, folder: Path, seed: int = 0, *, alone: bool = False) -> Counted:
    """`hosts` with a Redis of its own."""
    with redis_server(folder / "redis") as server:
        return hosts(server, seconds, folder, seed, alone=alone)


def main() -> int:
    """Run both and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sabotage", choices=("outlived", "forgot", "late", "uncounted"), default="")
    chosen = parser.parse_args()
    alone = slots_alone if chosen.sabotage == "uncounted" else leases_alone
    runs: list[Callable[[Path], Counted]] = [lambda folder: alone(chosen.seconds, folder, chosen.seed, chosen.sabotage)]
    if not chosen.sabotage:
        runs.append(lambda folder: slots_alone(chosen.seconds, folder, chosen.seed))
        runs.append(lambda folder: two_hosts(chosen.seconds, folder, chosen.seed))
    wrong = 0
    for run in runs:
        with tempfile.TemporaryDirectory() as folder:
            counted = run(Path(folder))
        wrong += len(counted.wrong)
        sys.stdout.write(f"{len(counted.admitted)} let through, {counted.refused} refused, longest wait {counted.longest:.3f} s\n")
        sys.stdout.writelines(f"{line}\n" for line in counted.wrong[:10])
    return int(wrong > 0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
