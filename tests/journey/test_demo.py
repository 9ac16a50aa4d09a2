"""The demo as somebody sees it who has installed it with its extra: the players ask by the providers' SDKs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journey import environments

LONGEST = 240
PROGRAM = "import sys; sys.path.append(sys.argv[1]); from proxy.cli import run; sys.exit(run(['demo']))"


@pytest.mark.timeout(LONGEST + 60)
def test_players_ask_by_sdks() -> None:
    """All three are named, every request of theirs has its record, those denied too, and batches and turns are inside."""
    (packages,) = (environments.ensure("python-newer") / "lib").glob("python3*/site-packages")
    command = [sys.executable, "-c", PROGRAM, str(packages)]
    environ = {**os.environ, "COLUMNS": "120", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"(openai|anthropic|google-genai) [\d.]+ \(SDK\)", done.stdout) == ["openai", "anthropic", "google-genai"]
    counted = re.search(r"(\d+) requests sent, 2 denied, (\d+) seen upstream, (\d+) recorded, 0 without", done.stdout)
    assert counted, done.stdout
    sent, seen, recorded = map(int, counted.groups())
    assert sent == recorded == seen + 2
    assert "17 queries of batches and 3 turns" in " ".join(done.stdout.split())
