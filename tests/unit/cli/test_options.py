"""Options as environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.cli.options import settle


def test_given_options_become_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given is in the environment, paths absolute; what was not given leaves it alone."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", "DATA_DIR", "GATEWAY__PORT"):
        monkeypatch.setenv(f"TOS_PROXY_{name}", "before")
    settle(Path("c.yaml"), None, gateway__port=None)
    assert os.environ["TOS_PROXY_CONFIG"] == str(tmp_path / "c.yaml")
    assert os.environ["TOS_PROXY_DATA_DIR"] == os.environ["TOS_PROXY_GATEWAY__PORT"] == "before"
    settle(None, Path("d"), gateway__port=1)
    assert os.environ["TOS_PROXY_DATA_DIR"] == str(tmp_path / "d")
    assert os.environ["TOS_PROXY_GATEWAY__PORT"] == "1"
