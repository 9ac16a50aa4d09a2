"""Where the gateway's microseconds go: `python -m benchmarks.breakdown [--seconds 10] [--body chat_1k] [--bench FOLDER]`.

While `tos-proxy serve` is under load, py-spy samples the stacks of the gateway worker, native frames included. Samples of the
event loop's thread count for the innermost of our own files in them (`--functions`: functions). What waits does not count, nor
what stands on the same line for samples on end, which is a thread that another process has put off its core. Shares times that
thread's measured CPU per request give µs. The other threads, which write and sync the spool, are given as a whole, since most
of their samples wait for the disk. Sampling stops the process for an instant each time, so CPU is measured in a run without it.
What the kernel does for a system call counts for the file that made the call.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import bodies
from benchmarks.process import require_linux, threads_ns, user_system_ns
from benchmarks.subjects import ROOT, TosProxy
from benchmarks.tools import Tools, finish

OURS = re.compile(r"(?:^|/)(proxy/[\w/]+\.py)$")
WAITING = re.compile(r"epoll_p?wait|futex|pthread_cond_|sem_(?:timed|clock)?wait|acquire_lock|take_gil|poll_impl")
COLLECTING = re.compile(r"gc_collect|gc_alloc|visit_decref|visit_reachable|deduce_unreachable")
Frame = dict[str, Any]
"""`name`, `file` and `line` of one frame, as speedscope's format has it."""


def place(stack: list[Frame], functions: bool) -> str:
    """What a sample counts for: the innermost of our files or functions, or the kind of work."""
    if any(COLLECTING.search(frame["name"]) for frame in stack[-6:]):
        return "(garbage collection)"
    for frame in reversed(stack):
        if ours := OURS.search(frame.get("file") or ""):
            return f"{ours[1]} {frame['name']}" if functions else ours[1]
    return "(uvloop and interpreter)"


def counted(speedscope: dict[str, Any], functions: bool) -> Counter[str]:
    """Samples of the main thread by place, without those that wait or were put off."""
    frames: list[Frame] = speedscope["shared"]["frames"]
    counts: Counter[str] = Counter()
    for profile in speedscope["profiles"]:
        if "MainThread" not in profile["name"]:
            continue
        for before, now in pairwise([[], *profile["samples"]]):
            stack = [frames[index] for index in now]
            if now != before and not any(WAITING.search(frame["name"]) for frame in stack[-4:]):
                counts[place(stack, functions)] += 1
    return counts


def sampled(pid: int, seconds: float, output: Path, functions: bool) -> Counter[str]:
    """Sample a process."""
    spy = Path(sys.executable).with_name("py-spy")
    if not spy.exists():
        sys.exit("py-spy is missing: make setup")
    options = [
        "--pid",
        str(pid),
        "--duration",
        str(int(seconds)),
        "--rate",
        "1000",
        "--native",
        "--threads",
        "--format",
        "speedscope",
    ]
    result = subprocess.run([spy, "record", *options, "--output", str(output)], capture_output=True, text=True, check=False)
    if not output.exists():
        sys.exit(f"py-spy: {result.stderr.strip()[-300:]}")
    return counted(json.loads(output.read_text()), functions)


def report(counts: Counter[str], loop: float, others: float, system: float) -> str:
    """A table of places, greatest first, from µs of the loop's thread and of the others."""
    total = sum(counts.values()) or 1
    sums = f"{loop + others:.1f} µs of gateway CPU per request (of a stream: per chunk), {system:.0%} of it in the kernel"
    lines = [
        f"{sums}; {total:,} samples",
        f"{'where':60}{'µs':>8}{'share':>8}",
        f"{'(other threads: the spool)':60}{others:8.1f}{others / (loop + others):8.1%}",
    ]
    for name, count in counts.most_common(40):
        lines.append(f"{name:60}{loop * count / total:8.1f}{loop * count / total / (loop + others):8.1%}")
    return "\n".join(lines)


def main() -> None:
    """Start everything, measure once without and once with sampling, print."""
    require_linux()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--body", default="chat_1k", help="chat_1k, chat_10k, chat_100k, sse_100x20 …")
    parser.add_argument("--functions", action="store_true", help="count by function instead of by file")
    parser.add_argument("--connections", default="32")
    parser.add_argument("--bench", type=Path, help="folder with loadgen.c and mock_upstream.c")
    chosen = parser.parse_args()
    folder = ROOT / "benchmarks" / ".build" / f"breakdown-{os.getpid()}"
    made = bodies.write(folder / "bodies")
    tools = Tools(folder / "tools", chosen.bench)
    ours = TosProxy(folder / "ours", f"http://127.0.0.1:{tools.port}")
    how = ("-c", chosen.connections, "-d", str(chosen.seconds))
    try:
        ours.start(made["chat_1k"].read_bytes())
        tools.load(ours, made[chosen.body], "-c", chosen.connections, "-d", "1")
        before, split = threads_ns(ours.pid), user_system_ns(ours.pid)
        result = tools.load(ours, made[chosen.body], *how)
        spent = {thread: ns - before.get(thread, 0) for thread, ns in threads_ns(ours.pid).items()}
        after = user_system_ns(ours.pid)
        system = (after[1] - split[1]) / max(1, sum(after) - sum(split))
        units = 1000 * max(1, result.get("chunks", result["ok"]))
        loop = spent.pop(ours.pid)
        run = tools.begin(ours, made[chosen.body], *how)
        counts = sampled(ours.pid, chosen.seconds - 1, folder / "stacks.json", chosen.functions)
        finish(run)
        print(report(counts, loop / units, sum(spent.values()) / units, system))
    finally:
        ours.stop()
        tools.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
