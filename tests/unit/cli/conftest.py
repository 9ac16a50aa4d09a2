"""Commands run in this process, on a folder and an environment of the test's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from proxy.cli import run


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs one command; what it put into the environment is gone afterwards."""
    for name in [name for name in os.environ if name.startswith("TOS_PROXY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str) -> Ran:
        before = dict(os.environ)
        try:
            code = run(list(arguments))
        finally:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran
