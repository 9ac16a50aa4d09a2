"""A request judged as the gateway would judge it, by the set of a configuration, with nobody at either end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import NoReturn, cast

from proxy.app.judging import Judging
from proxy.core import snapshot
from proxy.core.call import Call
from proxy.core.decision import EFFECTS, Decision
from proxy.core.errors import TosProxyError, UpstreamError
from proxy.core.exchange import Caller, Exchange
from proxy.core.snapshot import Line
from proxy.gateway import house
from proxy.gateway.judges import Steps
from proxy.gateway.refusal import Refused
from proxy.gateway.rehearsal import rehearse
from proxy.gateway.transform import untransformable
from proxy.wire.deadlines import Deadlines
from proxy.wire.head import BadHeadError
from proxy.wire.pool import Pool, PoolStats

_NO_KEY = b"\0" * 32


class RefusedError(TosProxyError):
    """The gateway would refuse the request before anybody judges it."""


@dataclass(frozen=True)
class Rehearsal:
    """The call that was judged; `carried`: the queries in its body, each with the effect of the decision about it."""

    call: Call
    carried: list[tuple[str, Call]]

    @property
    def strictest(self) -> Call | None:
        """The first of those queries about which the decision is the strictest."""
        return max(self.carried, key=lambda each: EFFECTS.index(each[0]))[1] if self.carried else None


async def _nowhere(_protocol: Callable[[], asyncio.Protocol]) -> NoReturn:
    raise UpstreamError("nothing is sent here")


class _Stopped:
    """A clock that stands."""

    def __init__(self, at: int) -> None:
        self._at = at

    def utc_us(self) -> int:
        """See `core.clock.Clock`."""
        return self._at

    def monotonic_ns(self) -> int:
        """See `core.clock.Clock`."""
        return 0


class _Noting:
    """Judges whose decisions are noted, as they are for a query in a body: what cannot be changed is denied."""

    def __init__(self, judges: Steps, noted: list[tuple[str, Call]]) -> None:
        self._judges = judges
        self._noted = noted

    def __getattr__(self, name: str) -> object:
        return getattr(self._judges, name)

    def policy(self, exchange: Exchange) -> Decision:
        """See `Steps.policy`."""
        decision = self._judges.policy(exchange)
        self._noted.append((untransformable(decision, "").effect, exchange.call))
        return decision


def rehearsed(
    head: bytes, body: bytes, entries: Iterable[bytes], key: bytes | None, at: int, as_caller: Callable[[Caller], Caller]
) -> Rehearsal:
    """What would be judged. `key`: the deployment's identity key, None where there is none yet. `at`: microseconds since 1970 UTC.

    Raises: RefusedError.
    """
    lines: dict[str, dict[str, Line]] = {}
    for line in snapshot.lines(b"".join(entries)):
        if line.put is not None and line.name is not None:
            lines.setdefault(line.put, {})[line.name] = line
    noted: list[tuple[str, Call]] = []
    with closing(asyncio.new_event_loop()) as loop:  # it never runs: what is compiled looks whether a pool is one
        pool = Pool(loop, _nowhere, Deadlines(loop), PoolStats(), 0.0)
        built = house.build(
            lines,
            0,
            lambda _options: pool,
            os.environ,
            key or _NO_KEY,
            set(),
            lambda given: cast("Steps", _Noting(Judging()(given), noted)),
        )
        try:
            exchange = rehearse(head, body, built, _Stopped(at), as_caller)
        except Refused as refused:
            raise RefusedError(f"{refused.status} {refused.code}: {refused.message}") from None
        except BadHeadError as error:
            raise RefusedError(f"400: {error}") from None
    return Rehearsal(exchange.call, noted[:-1])
