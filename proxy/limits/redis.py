"""Leases from Redis: keeps a connection, asks for what is wanted, in the background of one worker.

No exchange talks to Redis. What is wanted is collected while an answer is on its way, so there is one question under way at most,
however many exchanges there are. Without Redis leases run out and limits say no; it is tried again, ever more slowly.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from proxy.limits import resp, script
from proxy.limits.accounts import Answer, Ask, Given
from proxy.limits.leases import WAIT_SECONDS, Leases
from proxy.limits.resp import Place, Reply, RespError, ServerError
from proxy.telemetry import names

HEARTBEAT_SECONDS = 1.0
"""How often to ask when nothing is wanted, so that a server that has forgotten is noticed."""
ANSWER_SECONDS = 1.0
CONNECT_SECONDS = 3.0
PARTING_SECONDS = 0.5
FIRST_BACK_OFF, MOST_BACK_OFF = 0.05, 2.0
_EPOCH = "{tos-proxy}:epoch"
_FAILURES = (OSError, TimeoutError, EOFError, ValueError, RespError)


class Connection:
    """One connection to a server, let in and with its database chosen. `run` names the server's run."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.run = ""

    @classmethod
    async def open(cls, place: Place) -> Connection:
        """Connect. Raises: OSError, TimeoutError, RespError."""
        async with asyncio.timeout(CONNECT_SECONDS):
            if place.path:
                opened = await asyncio.open_unix_connection(place.path)
            else:
                tls = ssl.create_default_context() if place.tls else None
                opened = await asyncio.open_connection(place.host, place.port, ssl=tls)
            connection = cls(*opened)
            try:
                await connection._enter(place)
            except BaseException:
                connection.close()
                raise
            return connection

    async def _enter(self, place: Place) -> None:
        if place.password:
            await self.call("AUTH", *([place.user] if place.user else []), place.password)
        if place.database:
            await self.call("SELECT", place.database)
        with suppress(ServerError):  # where it is not allowed, a server that was started again is known by what it has forgotten
            told = await self.call("INFO", "server")
            lines = told.split(b"\r\n") if isinstance(told, bytes) else []
            self.run = next((line[7:].decode("ascii", "replace") for line in lines if line.startswith(b"run_id:")), "")

    async def call(self, *words: bytes | str | int) -> Reply:
        """One command. Raises: OSError, EOFError, RespError."""
        self._writer.write(resp.request(*words))
        await self._writer.drain()
        return await resp.reply(self._reader)

    async def evaluate(self, *words: bytes | str | int) -> Reply:
        """The script, by its digest where the server knows it."""
        try:
            return await self.call("EVALSHA", script.DIGEST, *words)
        except ServerError as error:
            if error.code != "NOSCRIPT":
                raise
        return await self.call("EVAL", script.TEXT, *words)

    def close(self) -> None:
        """Leave."""
        self._writer.close()


class Leasing:
    """Keeps `leases` supplied. `known` is a file that tells of earlier epochs; `complain` is told once of each kind of failure."""

    def __init__(self, url: str, known: Path, complain: Callable[[str], None]) -> None:
        self.leases = Leases(self._wake)
        self._place = Place.of(url)
        self._known = known
        self._complain = complain
        self._complaint = ""
        self._wanted = asyncio.Event()
        self._tiring: asyncio.TimerHandle | None = None
        self._failures = 0
        self._name = uuid4().hex

    async def run(self) -> None:
        """Until cancelled; what is left then goes back."""
        back_off = FIRST_BACK_OFF
        while True:
            asks: list[Ask] = []
            connection: Connection | None = None
            try:
                connection = await Connection.open(self._place)
                await self._ask(connection, asks)
                back_off, self._complaint = FIRST_BACK_OFF, ""
                await self._supply(connection, asks)
            except asyncio.CancelledError:
                if connection is not None:
                    await self._give_back(connection)
                raise
            except _FAILURES as error:
                self._fail(error, asks)
            finally:
                if connection is not None:
                    connection.close()
            await asyncio.sleep(back_off * random.uniform(0.5, 1.0))  # noqa: S311 - so that hosts do not come back all at once
            back_off = min(back_off * 2, MOST_BACK_OFF)

    async def _supply(self, connection: Connection, asks: list[Ask]) -> None:
        while True:
            if not self.leases.due:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), HEARTBEAT_SECONDS)
            self._wanted.clear()
            asks[:] = self.leases.asks(monotonic())
            await self._ask(connection, asks)
            asks.clear()

    async def _ask(self, connection: Connection, asks: Sequence[Ask]) -> None:
        leases = self.leases
        known = leases.epoch != "" or self._known.exists()
        keys = [_EPOCH, *(_key(ask) for ask in asks)]
        words: list[str | int] = [len(keys), *keys, leases.epoch, uuid4().hex, int(known), connection.run, self._name]
        for ask in asks:
            words += [ask.count, ask.span_us, ask.owed, ask.least, ask.demand, ask.ahead, ask.window]
        sent = monotonic()
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = _answer(await connection.evaluate(*words), len(asks))
        begun = answer.epoch != leases.epoch
        leases.answered(asks, answer, sent, monotonic())
        if begun:
            await asyncio.to_thread(self._remember, answer.epoch)

    async def _give_back(self, connection: Connection) -> None:
        asks = self.leases.unspent(monotonic())
        with suppress(*_FAILURES):
            async with asyncio.timeout(PARTING_SECONDS):
                await self._ask(connection, asks)

    def _remember(self, epoch: str) -> None:
        with suppress(OSError):
            self._known.write_text(epoch + "\n", encoding="ascii")

    def _fail(self, error: BaseException, asks: Sequence[Ask]) -> None:
        self._failures += 1
        self.leases.lost(asks)
        told = str(error) or type(error).__name__
        if told != self._complaint:
            self._complaint = told
            self._complain(f"no leases from Redis, limits go by what is left of theirs: {told}")

    def _wake(self) -> None:
        self._wanted.set()
        if self._tiring is None and self.leases.waited_for:
            self._tiring = asyncio.get_running_loop().call_later(WAIT_SECONDS, self._tire)

    def _tire(self) -> None:
        self._tiring = None
        self.leases.tire(monotonic())
        if self.leases.waited_for:
            self._tiring = asyncio.get_running_loop().call_later(WAIT_SECONDS / 4, self._tire)

    def figures(self) -> list[list[Any]]:
        """For the worker's metrics: name, labels, value."""
        leases = self.leases
        return [
            [names.LEASES_LINKED, {}, int(leases.linked and leases.epoch != "")],
            [names.LEASES_FAILURES, {}, self._failures],
            [names.LEASES_VOIDED, {}, leases.voided],
            [names.LIMITS_OVERRUN, {}, leases.overrun],
        ]


def _key(ask: Ask) -> str:
    name, whose, kind = ask.key
    return f"{{tos-proxy}}:{kind}:{ask.span_us}:{len(name)}:{name}:{whose}"


def _answer(said: Reply, asked: int) -> Answer:
    """Raises: RespError where it is not what the script answers."""
    if not isinstance(said, list) or len(said) != 2 + 2 * asked:
        raise RespError("what came is no answer of the script")
    epoch, clock, *given = said
    if not isinstance(epoch, bytes) or not isinstance(clock, bytes) or not all(isinstance(number, int) for number in given):
        raise RespError("what came is no answer of the script")
    numbers = [number for number in given if isinstance(number, int)]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return Answer(epoch.decode("ascii", "replace"), int(clock), [Given(amount, over) for amount, over in pairs])
