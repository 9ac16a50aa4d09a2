"""Measures tos-proxy beside nginx on this machine: `make bench [BENCH=folder] [ARGS="--gate --rounds 5"]`.

The figure to compare and to gate on is **CPU per request of the gateway process** as a multiple of nginx's, both from the same
minutes: in every round each case runs on nginx and then on tos-proxy, and the median of the rounds' ratios is reported with the
least and the greatest. Absolute times float with what else the machine does; ratios of interleaved rounds do so much less.

Everything is on as in production: identity, dialect, intent on disk before dispatch, outcome held, sealing, shipping. With
`--gate` the exit status is 1 when a bound is exceeded; `--json FILE` writes every round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import bodies, cases
from benchmarks.process import require_linux
from benchmarks.report import BOUNDS, exceeded, table
from benchmarks.subjects import ROOT, Nginx, TosProxy
from benchmarks.tools import FailedRunError, Tools


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, help="folder with loadgen.c and mock_upstream.c")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a closed-loop run")
    parser.add_argument("--only", default="", help=f"comma-separated cases: {', '.join(cases.ALL)}")
    parser.add_argument("--json", type=Path, help="write every figure of every round to this file")
    parser.add_argument("--gate", action="store_true", help="exit 1 when a bound is exceeded")
    parser.add_argument("--nginx-only", action="store_true", help="measure nginx as both subjects: what the method itself scatters")
    return parser.parse_args()


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def measure(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All rounds of all cases, with everything that was started ended again."""
    made = bodies.write(folder / "bodies")
    tools = Tools(folder / "tools", chosen.bench)
    nginx = Nginx(folder / "nginx", tools.port)
    ours = Nginx(folder / "ours", tools.port) if chosen.nginx_only else TosProxy(folder / "ours", f"http://127.0.0.1:{tools.port}")
    bench = cases.Bench(tools, nginx, ours, made, folder, chosen.seconds)
    found: dict[str, Any] = {"machine": machine(), "load": tools.kind, "subject": ours.name, "rounds": [], "failed": []}
    names = chosen.only.split(",") if chosen.only else list(cases.ALL)
    try:
        found["start"] = bench.start()
        for number in range(chosen.rounds):
            results: dict[str, float] = {}
            for name in names:
                print(f"round {number + 1} of {chosen.rounds}: {name}", file=sys.stderr)
                try:
                    results |= cases.ALL[name](bench)
                except FailedRunError as error:
                    found["failed"].append(f"{name}: {error}")
            found["rounds"].append(results)
    finally:
        bench.stop()
    return found


def main() -> int:
    """Measure, print, judge."""
    require_linux()
    chosen = options()
    # On the checkout's own disk: what is measured includes its fdatasync, which a memory file system would flatter.
    folder = ROOT / "benchmarks" / ".build" / f"run-{os.getpid()}"
    try:
        found = measure(chosen, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(found))
    if chosen.json:
        chosen.json.write_text(json.dumps({**found, "bounds": BOUNDS}, indent=1))
    over = [f"failed: {line}" for line in found["failed"]] + [f"over the bound: {line}" for line in exceeded(found)]
    print("\n".join(over))
    return 1 if over and chosen.gate else 0


if __name__ == "__main__":
    sys.exit(main())
