"""`tos-proxy policy schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.cli import run


def test_a_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a kind that of policies, with one that; another kind is wrong usage."""
    assert run(["policy", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Policy"
    assert run(["policy", "schema", "pack"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Pack"
    assert run(["policy", "schema", "nothing"]) == 2
    assert "no kind 'nothing': policy" in capsys.readouterr().err


def test_the_schemas_in_the_repository_are_current(tmp_path: Path) -> None:
    """`policies/schema/` is what this version writes; `tos-proxy policy schema --write policies/schema` makes it so."""
    assert run(["policy", "schema", "--write", str(tmp_path)]) == 0
    kept = Path(__file__).parents[3] / "policies" / "schema"
    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {file.name: file.read_text() for file in kept.iterdir()} == written
