"""`make prove`: in about a minute, that kill -9 and a power cut lose nothing, and that the same proofs can fail.

Each proof is a program of its own (`python -m tests.torture.NAME --help`). It runs twice: as it is, and with a fault planted in
the code under proof, which must turn it red. A proof that stays green with its fault would prove nothing: that is a failure too.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROOFS = (
    ("kill -9 at random instants", "tests.torture.kill9", "intent-not-synced"),
    ("power cut at random instants", "tests.torture.powercut", "intent-not-synced"),
)
SECONDS = 90
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
        )
    except subprocess.TimeoutExpired:
        return 2, f"took longer than {SECONDS} s"
    return result.returncode, "\n".join(result.stdout.strip().splitlines()[-6:])


def prove(title: str, module: str, fault: str) -> bool:
    """Run one proof without and with its fault; whether both came out as they must."""
    as_it_is, said = run(module)
    print(f"{title}: {'green' if as_it_is == 0 else 'RED'}\n{_indented(said)}", flush=True)
    with_fault, said = run(module, "--sabotage", fault)
    red = with_fault == 1
    print(f"{title}, with the fault {fault!r} planted: {'red, as it must be' if red else 'NOT RED'}\n{_indented(said)}", flush=True)
    return as_it_is == 0 and red


def _indented(said: str) -> str:
    return "\n".join(f"    {line}" for line in said.splitlines())


def main() -> int:
    """All proofs. 0 when each is green, and red with its fault."""
    began = time.monotonic()
    proved = [prove(*proof) for proof in PROOFS]
    print(f"{sum(proved)} of {len(proved)} proofs hold, {time.monotonic() - began:.0f} s")
    return 0 if all(proved) else 1


if __name__ == "__main__":
    sys.exit(main())
