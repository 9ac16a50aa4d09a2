"""Coverage-guided fuzzing of the targets, with atheris (libFuzzer): one process per target, in turn.

    python -m tests.hostile.fuzz --minutes 5 [--target connection --target streams]

atheris is no requirement of the tests: `pip install atheris` gets it where there is a wheel. An input that breaks a promise is
printed and kept in the folder that is named; `--target T --input FILE` plays it again, without atheris.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

_LONGEST_INPUT = 4096
_MEMORY_MIB = 1024
_SLOWEST_SECONDS = 10


def _fuzz(name: str, seconds: int, folder: Path) -> None:
    """Fuzz one target in this process, which libFuzzer ends. What it imports of the product counts coverage."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["proxy"]):
        from tests.hostile.targets import TARGETS
    target, seeds = TARGETS[name]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        if len(seed) <= _LONGEST_INPUT:
            (corpus / str(number)).write_bytes(seed)
    atheris.Setup(
        [
            "fuzz",
            str(corpus),
            f"-max_total_time={seconds}",
            f"-max_len={_LONGEST_INPUT}",
            f"-rss_limit_mb={_MEMORY_MIB}",
            f"-timeout={_SLOWEST_SECONDS}",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
        ],
        target,
    )
    atheris.Fuzz()


def _play(name: str, file: Path) -> None:
    from tests.hostile.targets import TARGETS

    TARGETS[name][0](file.read_bytes())


def _one(name: str, seconds: int, folder: Path) -> bool:
    """Fuzz one target in a process of its own; whether it held."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.hostile.fuzz", "--inside", str(folder), "--target", name, "--seconds", str(seconds)]
    with (folder / "told").open("wb") as told:
        code = subprocess.run(command, stdout=told, stderr=told, check=False, timeout=seconds + 120).returncode
    text = (folder / "told").read_text(errors="replace")
    runs = next((line.split()[-1] for line in text.splitlines() if "number_of_executed_units" in line), "?")
    sys.stdout.write(f"{name}: {'held' if code == 0 else 'BROKEN'}, {runs} inputs in {seconds} s\n")
    if code:
        sys.stdout.write(text[-3000:])
        for file in folder.glob("[clot]*-*"):
            sys.stdout.write(f"{file}: {file.read_bytes()!r}\n")
    sys.stdout.flush()
    return code == 0


def main(arguments: list[str]) -> int:
    """Exit code 0 when all targets held, 1 when one did not, 2 without atheris."""
    from tests.hostile.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz")
    parser.add_argument("--minutes", type=float, default=5.0, help="for all targets together")
    parser.add_argument("--target", action="append", choices=TARGETS)
    parser.add_argument("--input", type=Path, help="play one input again")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=0, help=argparse.SUPPRESS)
    told = parser.parse_args(arguments)
    names = told.target or list(TARGETS)
    if told.input:
        _play(names[0], told.input)
        return 0
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is missing: pip install atheris\n")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    seconds = max(1, round(told.minutes * 60 / len(names)))
    held = [_one(name, seconds, folder / name) for name in names]
    if all(held):
        return 0
    sys.stdout.write(f"inputs are in {folder}\n")
    return 1


if __name__ == "__main__":
    if "--inside" in sys.argv:
        inside = argparse.ArgumentParser()
        inside.add_argument("--inside", type=Path)
        inside.add_argument("--target")
        inside.add_argument("--seconds", type=int)
        asked = inside.parse_args()
        with contextlib.suppress(KeyboardInterrupt):
            _fuzz(asked.target, asked.seconds, asked.inside)
    else:
        sys.exit(main(sys.argv[1:]))
