"""`make prove`: in about a minute, that kill -9 and a power cut lose nothing, and that the same proofs can fail.

Each proof is a program of its own (`python -m tests.torture.NAME --help`) that ends with a line of verdict. It runs as it is, and
with faults planted in the code under proof, each of which must turn it red. A proof that stays green with a fault would prove
nothing, so that is a failure too; and so is one that ends without its line, for it broke before it could judge.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROOFS = (
    ("kill -9 at random instants", "tests.torture.kill9", ("--cycles", "8"), ("ack_before_write",)),
    ("power cut at random instants", "tests.torture.powercut", ("--cycles", "300"), ("skip_fsync", "ack_before_sync")),
)
"""Each with its short form, and with the faults that must turn it red."""
VERDICT = re.compile(r"\d+ (?:kills|cuts)\b")
SECONDS = 60
"""A proof that takes longer than this is not a proof for a minute."""


def run(module: str, *options: str) -> tuple[int, str]:
    """Exit code of a proof, and the last lines it said."""
    try:
        result = subprocess.run(
            [sys.executable, "-m", module, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
            # A fault planted in a module is not seen by what was compiled from it.
            env={**os.environ, "TOS_PROXY_NATIVE": "0"} if "--sabotage" in options else None,
        )
    except subprocess.TimeoutExpired:
        return 2, f"took longer than {SECONDS} s"
    lines = result.stdout.strip().splitlines()
    judged = any(VERDICT.search(line) for line in lines)
    return result.returncode if judged else 2, "\n".join(lines[-6:])


def prove(title: str, module: str, short: tuple[str, ...], faults: tuple[str, ...]) -> bool:
    """Run one proof without and with its faults; whether all came out as they must."""
    as_it_is, said = run(module, *short)
    print(f"{title}: {'green' if as_it_is == 0 else 'RED'}\n{_indented(said)}", flush=True)
    held = as_it_is == 0
    for fault in faults:
        with_fault, said = run(module, *short, "--sabotage", fault)
        print(
            f"{title}, fault {fault} planted: {'red, as it must be' if with_fault == 1 else 'NOT RED'}\n{_indented(said)}",
            flush=True,
        )
        held &= with_fault == 1
    return held


def _indented(said: str) -> str:
    return "\n".join(f"    {line[:300]}" for line in said.splitlines())


def main() -> int:
    """All proofs. 0 when each is green, and red with its fault."""
    began = time.monotonic()
    proved = [prove(*proof) for proof in PROOFS]
    print(f"{sum(proved)} of {len(proved)} proofs hold, {time.monotonic() - began:.0f} s")
    return 0 if all(proved) else 1


if __name__ == "__main__":
    sys.exit(main())
