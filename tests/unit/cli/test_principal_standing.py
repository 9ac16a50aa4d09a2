"""`tos-proxy principal import` and `principal standing`, over the store itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command


def test_a_file_of_traits(command: Command, tmp_path: Path) -> None:
    """Every column but the first is a trait; automatic principals stand beside named ones."""
    file = tmp_path / "accounts.csv"
    file.write_text("principal,Payment,sign_up\nlab-7,card-41,2026-11\nkey:3f9a1c07d2be,card-41,\n")
    assert command("principal", "import", str(file)).out == "4 traits of 2 principals\n"
    assert json.loads(command("principal", "import", str(file), "--json").out) == {"principals": 2, "traits": 4}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,payment\na,b\n", "accounts.csv:1: needs a column principal"),
        ("principal\na\n", "accounts.csv:1: needs a column principal and at least one trait"),
        ("principal,payment\n,b\n", "accounts.csv:2: names no principal"),
        ("principal,payment\na,b,c\n", "accounts.csv:2: more fields than columns"),
        ("principal,payment,sign_up\na,b\n", "accounts.csv:2: fewer fields than columns"),
        ("principal,payment,Payment\na,b,c\n", "accounts.csv:1: the column payment occurs twice"),
        ('principal,payment\na,"b\n', "accounts.csv:2: unexpected end of data"),
        ("principal,payment\na,b\nx,\xff", "accounts.csv: not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read(command: Command, tmp_path: Path, text: str, told: str) -> None:
    """Exit code 2, and one line that says where."""
    file = tmp_path / "accounts.csv"
    file.write_bytes(text.encode("latin-1"))
    ran = command("principal", "import", str(file))
    assert ran.code == 2
    assert told in ran.err


def test_nationality_is_refused(command: Command, tmp_path: Path) -> None:
    """By name, with the reason."""
    file = tmp_path / "accounts.csv"
    file.write_text("principal,country\na,b\n")
    ran = command("principal", "import", str(file))
    assert ran.code == 2
    assert "never evidence" in ran.err


def test_a_standing(command: Command) -> None:
    """It is set, shown, and set back."""
    assert "limited" in command("principal", "standing", "lab-7", "--set", "limited", "--note", "asked by mail").out
    assert json.loads(command("principal", "standing", "--json").out)[0]["note"] == "asked by mail"
    assert command("principal", "standing", "lab-7", "--set", "normal").code == 0
    assert json.loads(command("principal", "standing", "--json").out) == []
    (told,) = json.loads(command("principal", "standing", "lab-7", "--json").out)
    assert (told["principal"], told["standing"]) == ("lab-7", "normal")
    assert command("principal", "standing", "--set", "normal").code == 2
