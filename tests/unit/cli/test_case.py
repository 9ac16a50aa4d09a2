"""`tos-proxy case`, over the store itself and through a running proxy."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from proxy.ledger.store import Store
from proxy.review import findings
from proxy.review.raised import Raised
from proxy.settings.compiling import compile_configuration, running
from tests.journey.test_findings import PRINCIPALS, ask
from tests.ledgers import NOON
from tests.proxy_server import StartProxy
from tests.unit.cli.conftest import Command


def raised(key: str, **changes: Any) -> Raised:
    made = Raised(key, "terms", "medium", "Denied", "rec_1", "rec_2", NOON, NOON, principal="lab", gathers=True)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.fixture
def kept(command: Command) -> None:
    """Two findings in a case, and a question, in the store that the command opens."""
    assert command("case", "list").code == 0
    url = running(compile_configuration(os.environ, make=True).settings).store_url

    async def keep() -> None:
        store = await Store.open(url)
        async with store.write() as connection:
            told = ("lab asked openai for gpt-5 (chat), purpose train.general.",)
            question = raised("q", kind="question", principal="bob", gathers=False, title="For what?")
            await findings.keep(connection, [raised("a", sentences=told, clauses=("c.1",)), raised("b"), question], NOON)
        await store.close()

    asyncio.run(keep())


def names(command: Command, *words: str) -> list[str]:
    return [item["id"] for item in json.loads(command("case", "list", *words, "--json").out)]


@pytest.mark.usefixtures("kept")
def test_without_a_proxy(command: Command) -> None:
    """Cases and findings are listed, shown with their evidence, and decided, in the store when no proxy runs."""
    (case,) = names(command, "--state", "open")
    assert len(names(command, "--findings")) == 3
    (question,) = names(command, "--findings", "--kind", "question")
    assert "For what?" in command("case", "list", "--findings", "--principal", "bob").out
    shown = command("case", "show", case).out
    assert "principal lab: open, 2 of 2 open" in shown
    assert "  lab asked openai for gpt-5 (chat), purpose train.general." in shown
    assert "clauses: c.1" in shown
    assert "rec_1 (2026-09-21 14:13) to rec_2" in shown
    decided = command("case", "decide", question, "needs_answer", "--by", "ann", "--note", "asked\n\x1b[31mby mail")
    assert decided.out == f"{question}: decided, needs_answer\n"
    assert "asked  [31mby mail" in command("case", "show", question).out
    assert "by ann (" in command("case", "show", question).out
    assert command("case", "decide", case, "exempt", "--until", "2200-01-31").out == f"{case}: decided, exempt\n"
    assert names(command, "--state", "open") == []
    assert {one["decision"] for one in json.loads(command("case", "show", case, "--json").out)["items"]} == {"exempt"}
    assert "exempt" in command("case", "list").out


@pytest.mark.usefixtures("kept")
def test_wrong_words(command: Command, tmp_path: Path) -> None:
    """Unknown ids, states and decisions are refused in one line."""
    (case,) = names(command)
    for words, code in (
        (("show", "case_x"), 1),
        (("show", "fnd_x"), 1),
        (("decide", "case_x", "dismissed"), 1),
        (("decide", case, "maybe"), 2),
        (("decide", case, "exempt"), 2),
        (("decide", case, "exempt", "--until", "soon"), 2),
        (("list", "--state", "shut"), 2),
    ):
        said = command("case", *words)
        assert said.code == code, words
        assert said.err.startswith("tos-proxy: ")
        assert said.err.count("\n") == 1, said.err
    assert command("case", "list", "--kind", "terms").code == 2


def test_through_a_running_proxy(command: Command, start_proxy: StartProxy) -> None:
    """What a running proxy found is listed and decided through its admin API."""
    server = start_proxy(configuration={"principals": PRINCIPALS})
    server.wait_admin()
    file = str(server.folder / "tos-proxy.yaml")
    assert ask(server, "bob").status_code == 200
    asked = ("--findings", "--kind", "question", "--config", file)  # of the terms there are findings from some day on
    server.until(lambda: server.api("/findings?kind=question")["items"])  # a command costs as much as a hundred of these
    (question,) = names(command, *asked)
    assert command("case", "decide", question, "dismissed", "--config", file).code == 0
    assert server.api(f"/findings/{question}")["decision"] == "dismissed"
