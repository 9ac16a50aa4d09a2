"""`tos-proxy policy backtest`."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.core.facts import RequestFacts
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.policy.backtest import Backtest
from tests.ledgers import NOON, Writer
from tests.servers import postgres, store_url
from tests.unit.cli.conftest import Command

__all__ = ["postgres", "store_url"]

DAY = 86_400_000_000


def fill(url: str, epoch: int = 1) -> list[str]:
    """Four queries, a day apart, the last two of which ask for log probabilities."""

    async def write() -> list[str]:
        store = await Store.open(url)
        writer = Writer(epoch=epoch)
        records = []
        for at in range(4):
            writer.at = NOON + at * DAY
            facts = RequestFacts(model="gpt-5", logprobs=at >= 2)
            records.append(writer.exchange(principal="shop" if at % 2 else "lab", facts=facts))
        await ship(store, writer.batch())
        await store.close()
        return records

    return asyncio.run(write())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration without packs."""
    file = tmp_path / "tos-proxy.yaml"
    file.write_text(yaml.safe_dump({"data_dir": str(tmp_path / "data"), "packs": []}))
    (tmp_path / "data").mkdir()
    return file


@pytest.fixture
def records(config: Path) -> list[str]:
    """What is in its store."""
    return fill(f"sqlite:///{config.parent}/data/store.db")


def draft(folder: Path, name: str = "no-logprobs", **spec: Any) -> Path:
    """A policy file."""
    file = folder / f"{name}.yaml"
    spec = {"mode": "enforce", "when": "logprobs", "effect": "deny", "clauses": ["openai.services.3.3e"]} | spec
    file.write_text(yaml.safe_dump({"apiVersion": "tos-proxy/v1", "kind": "Policy", "metadata": {"name": name}, "spec": spec}))
    return file


def told(command: Command, config: Path, *arguments: str) -> dict[str, Any]:
    """The result as JSON, with the exit code in it."""
    ran = command("policy", "backtest", "--config", str(config), "--json", *arguments)
    return {**json.loads(ran.out), "code": ran.code}


def test_a_draft_shows_what_it_would_have_denied(command: Command, config: Path, records: list[str]) -> None:
    """Exit 1, by rule, principal and purpose, with examples and the rule's clauses; as a table too."""
    file = draft(config.parent)
    found = told(command, config, str(file))
    assert (found["code"], found["queries"], found["changed"], found["changes"]) == (
        1,
        4,
        2,
        [{"from": "allow", "to": "deny", "queries": 2}],
    )
    assert [(each["name"], each["denied_draft"]) for each in found["principals"]] == [("lab", 1), ("shop", 1)]
    assert [each["record"] for each in found["examples"]] == records[2:]
    ran = command("policy", "backtest", "--config", str(config), str(file))
    assert (ran.code, ran.err) == (1, "")
    for word in ("2 would be decided otherwise (50.00%): 2 allow to deny", "no-logprobs", records[3], "openai.services.3.3e"):
        assert word in ran.out


def test_a_draft_in_shadow_changes_nothing_unless_it_is_enforced(command: Command, config: Path, records: list[str]) -> None:
    """And is counted with the effect that it would have."""
    file = draft(config.parent, mode="shadow")
    found = told(command, config, str(file))
    assert (found["code"], found["changed"]) == (0, 0)
    assert [(rule["rule"], rule["mode"], rule["effect"], rule["draft"]) for rule in found["rules"]] == [
        ("no-logprobs", "shadow", "deny", 2)
    ]
    enforced = told(command, config, str(file), "--enforce", "--limit-examples", "1")
    assert (enforced["code"], enforced["changed"], len(enforced["examples"])) == (1, 2, 1)


def test_only_what_is_asked_for(command: Command, config: Path, records: list[str]) -> None:
    """By time, principal and upstream."""
    file = str(draft(config.parent))
    assert told(command, config, file, "--principal", "lab")["queries"] == 2
    assert told(command, config, file, "--upstream", "deepseek")["queries"] == 0
    assert told(command, config, file, "--until", "2026-09-22")["queries"] < told(command, config, file)["queries"]
    since = told(command, config, file, "--since", "2026-09-22T14:00:00+00:00", "--until", "2030-01-01")
    assert 0 < since["queries"] < 4
    assert command("policy", "backtest", file, "--since", "yesterday").code == 2
    assert command("policy", "backtest", file, "--since", "1d", "--until", "2d").code == 2
    assert "nothing was tried" in command("policy", "backtest", "--config", str(config), file, "--principal", "nobody").err


def test_other_terms_change_verdicts(command: Command, config: Path, records: list[str], tmp_path: Path) -> None:
    """A folder of terms is judged by beside those in force: here one that knows no provider."""
    folder = tmp_path / "terms"
    folder.mkdir()
    head = {"apiVersion": "tos-proxy/v1", "metadata": {"name": "terms"}}
    (folder / "catalogue.yaml").write_text(yaml.safe_dump({**head, "kind": "Catalogue", "spec": {"version": "0"}}))
    (folder / "models.yaml").write_text(yaml.safe_dump({**head, "kind": "Models", "spec": {"models": []}}))
    line = {"purpose": "use.product", "verdict": "allow"}
    contract = {"metadata": {"name": "acme.api"}, "kind": "Contract", "spec": {"hosts": ["acme.example"], "matrix": [line]}}
    (folder / "acme.yaml").write_text(yaml.safe_dump({**head, **contract}))
    found = told(command, config, "--terms", str(folder))
    assert found["verdicts"] == [{"from": "allow", "to": "review", "queries": 4}]
    assert command("policy", "backtest", "--config", str(config), "--terms", "1999.1").code == 2


def test_a_draft_that_cannot_be_used(command: Command, config: Path, records: list[str]) -> None:
    """File, line and column, exit 2; nothing is read."""
    file = draft(config.parent, when="logprob")
    ran = command("policy", "backtest", "--config", str(config), str(file))
    assert (ran.code, ran.out) == (2, "")
    assert "no-logprobs.yaml:" in ran.err
    assert "did you mean logprobs?" in ran.err


def test_an_interrupted_backtest_says_what_it_has(
    command: Command, config: Path, records: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends the reading; what came before is told, marked as partial, exit 130."""
    fill(f"sqlite:///{config.parent}/data/store.db", epoch=2)
    taken = Backtest.take

    def interrupted(test: Backtest, *given: Any) -> None:
        taken(test, *given)
        if test.queries == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Backtest, "take", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # workers of a parallel run ignore it
    try:
        found = told(command, config, str(draft(config.parent)))
        shown = command("policy", "backtest", "--config", str(config)).out
    finally:
        signal.signal(signal.SIGINT, before)
    assert (found["code"], found["partial"], found["queries"], found["changed"]) == (130, True, 4, 2)
    assert "PARTIAL" in shown


def test_on_every_store(command: Command, store_url: str, tmp_path: Path) -> None:
    """SQLite and PostgreSQL say the same."""
    fill(store_url)
    file = tmp_path / "tos-proxy.yaml"
    file.write_text(yaml.safe_dump({"data_dir": str(tmp_path / "data"), "packs": [], "database_url": store_url}))
    found = told(command, file, str(draft(tmp_path)))
    assert (found["queries"], found["changed"]) == (4, 2)


def test_a_draft_of_a_pack_replaces_the_pack(command: Command, config: Path, records: list[str], tmp_path: Path) -> None:
    """Rules that the new release no longer has match no longer."""
    config.write_text(yaml.safe_dump({"data_dir": str(tmp_path / "data"), "packs": ["observe"]}))
    pack = tmp_path / "observe"
    pack.mkdir()
    head = {"apiVersion": "tos-proxy/v1", "kind": "Pack", "metadata": {"name": "observe", "version": "9.0.0"}, "spec": {}}
    (pack / "pack.yaml").write_text(yaml.safe_dump(head))
    draft(pack)
    found = told(command, config, str(pack))
    assert {rule["rule"] for rule in found["rules"] if rule["draft"]} == {"observe/no-logprobs"}
