"""Sends hostile requests to a real proxy and judges what became of them.

    python -m tests.hostile.run --requests 100000 [--seed 1] [--family paths] [--plant two_framings]

Each case is one connection; a finding repeats its number, and `--seed S --only N` plays that case alone. A run is split into
batches with a proxy of their own each, so that memory stays flat and each batch ends with the checks that every proxy of the
tests must pass: exit code, no traceback, an intent for every byte stream upstream.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import uvloop

from proxy.core.errors import TosProxyError
from proxy.ledger.record import Intent, Refusal
from tests.hostile.bodies import BODIES
from tests.hostile.building import Case, Family, cut, last
from tests.hostile.exchange import Outcome, play
from tests.hostile.faults import PLANTS, planted
from tests.hostile.fields import FIELDS
from tests.hostile.framing import FRAMING
from tests.hostile.judge import judge
from tests.hostile.paths import PATHS
from tests.ledger_oracle import written
from tests.proxy_server import proxy_server, seen_by

FAMILIES: dict[str, Sequence[Family]] = {"framing": FRAMING, "paths": PATHS, "fields": FIELDS, "bodies": BODIES}
_WEIGHTS = (4, 2, 2, 2)
BATCH = 10_000
_AT_ONCE = 24


def cases(numbers: Iterable[int], seed: int, family: str | None = None) -> Iterator[Case]:
    """The cases of these numbers; each depends on its number and the seed alone."""
    for number in numbers:
        dice = random.Random(f"{seed} {number}")
        chosen = family or dice.choices(list(FAMILIES), _WEIGHTS)[0]
        trick = dice.choice(FAMILIES[chosen])
        tag = b"%d" % number
        words, stream = trick(dice, tag)
        stream += last(tag)
        yield Case(number, trick.__name__, words, stream, cut(stream, dice))


async def play_all(port: int, all_cases: Iterable[Case]) -> list[Outcome]:
    """Play cases against a gateway, some at a time."""
    waiting = iter(all_cases)
    outcomes: list[Outcome] = []

    async def player() -> None:
        for case in waiting:
            outcomes.append(await play("127.0.0.1", port, case))  # noqa: PERF401 - several players share one list

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(player())
    return outcomes


def batch(folder: Path, all_cases: Iterable[Case], plant: str | None = None) -> list[str]:
    """Start a proxy, play cases against it, stop it; gives all findings, those of the proxy's own checks included."""
    environ = planted(plant, folder) if plant else {}
    try:
        with proxy_server(folder, environ=environ) as server:
            port = int(server.gateway_url.rpartition(":")[2])
            outcomes = uvloop.run(play_all(port, all_cases))
            assert server.stop() == 0, server.stderr
            records = {
                entry.id: entry for entry, _ in written(server.data_dir / "spool").entries if isinstance(entry, Intent | Refusal)
            }
            findings = judge(outcomes, seen_by(server.upstream), records)
            server.check_records = not findings
    except (AssertionError, OSError, TosProxyError) as error:
        return [f"the proxy's own checks: {str(error)[-1500:]}"]
    defects = [line for line in server.stderr.splitlines() if "defect" in line]
    return findings + [f"a defect: {line}" for line in defects]


def batches(requests: int, seed: int, family: str | None, plant: str | None, tell: Callable[[str], None]) -> list[str]:
    """Play so many cases in batches."""
    findings: list[str] = []
    for start in range(0, requests, BATCH):
        numbers = range(start, min(start + BATCH, requests))
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = batch(Path(folder), cases(numbers, seed, family), plant)
        findings += found
        tell(f"{numbers.stop} requests, {len(findings)} findings, {len(numbers) / (time.monotonic() - began):.0f} a second")
    return findings


def main(arguments: list[str]) -> int:
    """Exit code 0 without, 1 with findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.run", description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2)))
    parser.add_argument("--family", choices=FAMILIES)
    parser.add_argument("--only", type=int, help="play the case of this number alone")
    parser.add_argument("--plant", help=f"faults that must be found, joined by commas: {', '.join(PLANTS)}")
    parser.add_argument("--shown", type=int, default=20, help="how many findings to print")
    told = parser.parse_args(arguments)
    tell = partial(print, flush=True)
    tell(f"seed {told.seed}")
    if told.only is None:
        findings = batches(told.requests, told.seed, told.family, told.plant, tell)
    else:
        with tempfile.TemporaryDirectory() as folder:
            chosen = list(cases([told.only], told.seed, told.family))
            tell(str(chosen[0]))
            findings = batch(Path(folder), chosen, told.plant)
    for finding in findings[: told.shown]:
        tell(f"- {finding}")
    tell(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
