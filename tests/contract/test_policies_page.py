"""docs/policies.md shows files that can be used, and what the commands really print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command, command

__all__ = ["command"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "policies.md"
BLOCK = re.compile(r"```(yaml|console)\n(.*?)```", re.DOTALL)


def is_shown(shown: str, out: str) -> bool:
    """Whether an output is what a page shows, `…` on a line of its own standing for any lines."""
    pieces = [re.escape(piece) for piece in re.split(r"^…\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(pieces), out) is not None


def untrue(page: str, command: Command, folder: Path) -> list[str]:
    """Commands of a page that print something else than it shows. Files that it names are written first to last, as they come."""
    (folder / "tos-proxy.yaml").write_text("policies: [policies]\n")
    (folder / "policies").mkdir(exist_ok=True)
    bad = []
    for kind, text in BLOCK.findall(page):
        if kind == "yaml" and (named := re.match(r"# (policies/\S+)\n", text)):
            (folder / named[1]).write_text(text[named.end() :])
        elif kind == "console":
            asked, _, shown = text.partition("\n")
            out = command(*shlex.split(asked.removeprefix("$ tos-proxy "))).out
            bad += [] if is_shown(shown, out) else [f"{asked}\n{out}"]
    return bad


def test_the_page_is_true(command: Command, tmp_path: Path) -> None:
    """Every command of the page prints what the page shows, on the page's own files."""
    assert untrue(PAGE.read_text(), command, tmp_path) == []


@pytest.mark.parametrize(("old", "new"), [("all passed", "some passed"), ("n > 4", "n > 5"), ("(n = 5)", "(n = 6)")])
def test_a_wrong_page_is_noticed(command: Command, tmp_path: Path, old: str, new: str) -> None:
    """A page that shows another output, or another file, is not true."""
    assert old in PAGE.read_text()
    assert untrue(PAGE.read_text().replace(old, new, 1), command, tmp_path)
