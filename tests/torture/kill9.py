"""kill -9 at random instants under mixed load: nothing is lost. `python -m tests.torture.kill9 --cycles 1000 [--sabotage NAME]`.

A cycle kills the gateway, control, the supervisor or all of them, at a random instant and with streams open, and waits until the
proxy serves again; the load never stops. After each block of cycles the proxy ends in order and everything is compared: each
request the upstream saw has its intent, each answer a client saw whole is `completed`, each intent has exactly one outcome, and
the store equals the spool. Exit 0 when nothing was lost, 1 when something was, 2 when the run could not be made.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from proxy.demo.upstream import UpstreamProcess, upstream_process
from tests.proxy_server import ProxyServer
from tests.torture.kill9_checks import wrongs
from tests.torture.kill9_faults import FAULTS
from tests.torture.kill9_load import Load

ROLES = ("gateway", "gateway", "control", "supervisor", "all")
BLOCK = 10
_LINGER = (0.05, 0.5)
_ENDED_SECONDS = 60.0
TRIES = range(4, 10)
"""Seeds for a planted fault, which shows at the first unless the machine had no time for load between the kills."""
_SHOWN = 10


@dataclass
class Tally:
    """What was done and found."""

    kills: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    seen: int = 0
    whole: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kills = sum(self.kills.values())
        by_role = ", ".join(f"{role} {number}" for role, number in sorted(self.kills.items()))
        bound = f"; with 95 % confidence at most {3 / kills:.2%} of kills lose anything (3/N)" if kills and not self.wrong else ""
        return (
            f"{kills} kills ({by_role}); {self.requests} requests sent, {self.seen} seen upstream, {self.whole} answers whole at "
            f"their clients; {len(self.wrong)} lost or wrong{bound}"
        )


def torture(
    cycles: int,
    *,
    seed: int,
    sabotage: str | None = None,
    say: bool = False,
    load: type[Load] = Load,
    roles: tuple[str, ...] = ROLES,
) -> Tally:
    """Run all cycles, block by block, each block on a data folder of its own. One of `roles` is killed at a time."""
    tally = Tally()
    with upstream_process() as upstream:
        for first in range(0, cycles, BLOCK):
            with tempfile.TemporaryDirectory(prefix="tos-proxy-kill9-") as folder:
                _block(Path(folder), upstream, min(BLOCK, cycles - first), f"{seed}/{first}", sabotage, tally, load, roles)
            if say:
                print(tally, flush=True)  # noqa: T201 - a command tells how far it is
            if tally.wrong:
                break
    return tally


def _block(
    folder: Path,
    upstream: UpstreamProcess,
    cycles: int,
    seed: str,
    sabotage: str | None,
    tally: Tally,
    kind: type[Load],
    roles: tuple[str, ...],
) -> None:
    rng = random.Random(seed)
    command = ("-m", "tests.torture.kill9_faults", sabotage, "serve") if sabotage else ("-m", "proxy.cli", "serve")
    upstream.clear()
    server = ProxyServer(folder, upstream, command=command)
    orphans: set[int] = set()
    try:
        server.start()
        load = kind(int(server.gateway_url.rpartition(":")[2]), rng.randrange(1 << 30))
        load.start()
        try:
            for _ in range(cycles):
                _kill(server, rng, orphans, tally, roles)
            time.sleep(rng.uniform(*_LINGER))
        finally:
            load.stop()
        _until_gone(orphans - set(server.children().values()))
        code = server.stop()
        if code != 0:
            tally.wrong.append(f"exit code {code}: {server.stderr[-2000:]}")
    finally:
        server.abandon()
    tally.requests += load.sent
    seen = upstream.seen()
    tally.seen += len(seen)
    tally.whole += sum(each.complete and not each.ours for each in load.answers)
    tally.wrong += wrongs(server.data_dir, seen, load.answers)
    if "Traceback" in server.stderr:
        tally.wrong.append(server.stderr[server.stderr.index("Traceback") :][:2000])


def _kill(server: ProxyServer, rng: random.Random, orphans: set[int], tally: Tally, roles: tuple[str, ...]) -> None:
    time.sleep(rng.uniform(*_LINGER))
    role = rng.choice(roles)
    tally.kills[role] += 1
    orphans.update(server.children().values())
    server.kill(role)
    if role in ("supervisor", "all"):
        server.start()
    else:
        _until_back(server)


def _until_back(server: ProxyServer) -> None:
    """Ready again, seen by a probe after the supervisor has noticed the death."""
    time.sleep(0.02)
    server.wait_ready()


def _until_gone(pids: set[int]) -> None:
    """Children of killed supervisors end by themselves."""
    until = time.monotonic() + _ENDED_SECONDS
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < until, "a child outlives its supervisor"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def main(load: type[Load] = Load, name: str = "kill9") -> int:
    """The command; `load` keeps the proxy busy meanwhile."""
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.torture.{name}", description="kill -9 at random instants; nothing is lost"
    )
    parser.add_argument("--cycles", "--kills", type=int, default=1000, help="how many kills")
    parser.add_argument("--seed", type=int, default=None, help="repeat the choices of a run")
    parser.add_argument("--sabotage", choices=sorted(FAULTS), help="plant this fault, which must turn the run red")
    told = parser.parse_args()
    seed = told.seed if told.seed is not None else random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}" + (f", fault {told.sabotage} planted" if told.sabotage else ""), flush=True)  # noqa: T201 - a command's output
    began = time.monotonic()
    try:
        tally = torture(told.cycles, seed=seed, sabotage=told.sabotage, say=told.cycles > BLOCK, load=load)
    except AssertionError as error:
        print(f"the torture itself failed: {error}")  # noqa: T201 - a command's output
        return 2
    for line in tally.wrong[:_SHOWN]:
        print(f"  {line[:500]}")  # noqa: T201 - a command's output
    print(f"{tally}; {time.monotonic() - began:.0f} s")  # noqa: T201 - a command's output
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
