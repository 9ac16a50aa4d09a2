"""`tos-proxy reconcile`, over a store with exchanges in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.review.reconciling import lasts
from tests.ledgers import NOON, Writer
from tests.unit.cli.conftest import Command

DAY = NOON // 86_400_000_000
HEAD = "start_time,num_model_requests,input_tokens,output_tokens,model\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose store has three exchanges of 3 and 5 tokens."""
    data = tmp_path / "tos-proxy-data"
    data.mkdir()
    writer = Writer()
    for _ in range(3):
        writer.exchange()

    async def fill() -> None:
        store = await Store.open(f"sqlite:///{data}/store.db")
        await ship(store, writer.batch())
        await store.close()

    asyncio.run(fill())
    return data


def export(folder: Path, requests: int, model: str = "gpt-5-2026") -> str:
    """A CSV of the provider's; gives its name."""
    file = folder.parent / "usage.csv"
    file.write_text(HEAD + f"{DAY * 86_400},{requests},9,15,{model}\n")
    return str(file)


def test_what_agrees(command: Command, folder: Path) -> None:
    """No surplus is 0, and is kept for the overview."""
    ran = command("reconcile", export(folder, 3))
    assert (ran.code, ran.err) == (0, "")
    assert "No surplus" in ran.out
    assert [(each.provider, each.surplus) for each in lasts(folder)] == [("openai", 0)]


def test_a_call_past_the_proxy(command: Command, folder: Path) -> None:
    """One more at the provider is 1, in words and as JSON; another upstream's export finds nothing here."""
    ran = command("reconcile", export(folder, 4))
    assert ran.code == 1
    assert "surplus: requests" in ran.out
    told = json.loads(command("reconcile", "--json", export(folder, 4)).out)
    assert told["items"][0]["provider"] == {"requests": 4, "input": 9, "output": 15}
    assert told["items"][0]["ledger"] == {"requests": 3, "input": 9, "output": 15}
    assert command("reconcile", "--tolerance", "40", export(folder, 4)).code == 0
    assert command("reconcile", "--upstream", "gemini", export(folder, 3)).code == 1
    assert lasts(folder)[0].surplus == 1


def test_a_hostile_export_moves_no_cursor(command: Command, folder: Path) -> None:
    """What a terminal would obey, or cannot show, does not reach it from a name."""
    ran = command("reconcile", export(folder, 1, "\x1b[2Jm\u202e\x07"))
    assert ran.code == 1
    assert ran.out.replace("\n", "").isprintable()


def test_names_of_nobody_are_told(command: Command, folder: Path) -> None:
    """A key that is in no row and an upstream that is none look like calls past the proxy, or like none: each is a warning."""
    ran = command("reconcile", "--key", "key_abc=research", "--upstream", "opnai", export(folder, 3))
    assert "--key key_abc=…: no row is of a key of this name" in ran.err
    assert "no upstream is named 'opnai' here" in ran.err


WRONG = [
    *(("--column", "colour=x"), ("--column", "day=Datum"), ("--key", "abc")),
    *(("--provider", "csv"), ("--provider", "nobody"), ("--tolerance", "5", "nowhere.csv")),
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage(command: Command, folder: Path, arguments: tuple[str, str]) -> None:
    """One line, no traceback, nothing kept; and not the exit code of a surplus."""
    ran = command("reconcile", *arguments, export(folder, 3))
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert not lasts(folder)


def test_without_a_store(command: Command, tmp_path: Path) -> None:
    """It says so."""
    (tmp_path / "tos-proxy-data").mkdir()
    ran = command("reconcile", export(tmp_path / "tos-proxy-data", 3))
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
