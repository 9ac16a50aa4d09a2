"""`tos-proxy terms release`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from proxy.core.facts import RequestFacts
from proxy.ledger.record import Versions
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from tests.ledgers import Writer
from tests.unit.cli.conftest import Command

RECENT = datetime(2026, 9, 20, tzinfo=UTC)
EARLY = datetime(2025, 1, 10, tzinfo=UTC)
"""Ten days before DeepSeek's terms began to grant training."""


def fill(folder: Path, *calls: tuple[str, str, datetime]) -> list[str]:
    """Records of answers (upstream, model, when) in the store of `folder`."""

    async def write() -> list[str]:
        store = await Store.open(f"sqlite:///{folder}/store.db")
        writer = Writer()
        records = []
        for upstream, model, at in calls:
            writer.at = int(at.timestamp()) * 1_000_000
            facts = RequestFacts(model=model)
            named = {"upstream": upstream, "host": f"api.{upstream}.com", "model_requested": model}
            intent = writer.intent(writer.new_id(), facts=facts, versions=Versions(terms="2026"), **named)
            writer.outcome(intent, model_returned=model)
            records.append(intent.id)
        await ship(store, writer.batch())
        await store.close()
        return records

    return asyncio.run(write())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder."""
    made = tmp_path / "data"
    made.mkdir()
    return made


def test_the_day_of_the_call_decides(command: Command, folder: Path) -> None:
    """DeepSeek's grant counts for answers since its day; OpenAI's bar for all."""
    old, new, barred = fill(
        folder, ("deepseek", "deepseek-chat", EARLY), ("deepseek", "deepseek-chat", RECENT), ("openai", "gpt-5", RECENT)
    )
    release = ("terms", "release", "--data-dir", str(folder), "--purpose", "train.general")
    assert command(*release, new).code == 0
    ran = command(*release, old, new, barred)
    assert ran.code == 1
    assert "1 of 3 rows pass for train.general, 2 are held" in ran.out
    lines = ran.out.splitlines()
    assert [line.split()[:4] for line in lines[1:3]] == [
        ["1", old, "review", "-"],
        ["3", barred, "forbid", "openai.services.3.3e"],
    ]


def test_attributes_of_the_new_use(command: Command, folder: Path) -> None:
    """OpenAI's exception for classifiers that stay inside, with what it obliges to."""
    (record,) = fill(folder, ("openai", "gpt-5", RECENT))
    release = ("terms", "release", "--data-dir", str(folder), "--purpose", "train.classifier_internal", record)
    assert command(*release).code == 1
    ran = command(*release, "--attribute", "distributed=false")
    assert ran.code == 0
    assert "obligation: " in ran.out
    assert command(*release, "--attribute", "distributed").code == 2


def test_a_manifest_is_made_and_verified(command: Command, folder: Path, tmp_path: Path) -> None:
    """Offline, with the file or without it; rows that were held or changed afterwards are named, another signer too."""
    (record,) = fill(folder, ("deepseek", "deepseek-chat", RECENT))
    file, manifest = tmp_path / "set.jsonl", tmp_path / "release.json"
    file.write_text(f'{{"record": "{record}"}}\n{{"text": "no record"}}\n')
    release = ("terms", "release", "--data-dir", str(folder), "--purpose", "train.general", "--manifest", str(manifest))
    told = json.loads(command(*release, str(file), "--json").out)
    assert (told["rows"], told["passed"], told["held"]) == (2, 1, 1)
    signed = json.loads(manifest.read_text())["manifest"]
    assert signed["input"] == {"name": "set.jsonl", "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    check = ("terms", "release", "--check", str(manifest))
    assert command(*check).code == 0
    assert "compare it with the key" in command(*check).out
    whole = command(*check, str(file), "--key", told["key"], "--json")
    checked = json.loads(whole.out)
    assert (whole.code, checked["same_file"], checked["unreleased_rows"], checked["purpose"]) == (1, True, [2], "train.general")
    file.write_text(f'{{"record": "{record}"}}\n')
    clean = command(*check, str(file))
    assert (clean.code, "every row of the file was released" in clean.out) == (0, True)
    file.write_text(f'{{"record": "{record}", "text": "another"}}\n')
    changed = command(*check, str(file))
    assert (changed.code, "row 1 of the file was not released" in changed.out, "is not in the file" in changed.out) == (
        1,
        True,
        True,
    )
    other = command(*check, "--key", "ed25519:" + "0" * 64)
    assert (other.code, "signed by another key" in other.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("rec_a",), "--purpose"),
        (("--purpose", "undeclared", "rec_a"), "--purpose"),
        (("--purpose", "train.general"), "record ids"),
        (("--purpose", "train.general", "rec_a", "file"), "file is no record id"),
    ],
)
def test_wrong_usage(command: Command, folder: Path, arguments: tuple[str, ...], error: str) -> None:
    """Exit code 2 and a line that says what is wrong."""
    fill(folder)
    ran = command("terms", "release", "--data-dir", str(folder), *arguments)
    assert (ran.code, error in ran.err) == (2, True), ran


def test_what_is_not_there(command: Command, folder: Path, tmp_path: Path) -> None:
    """A file, a store, a manifest: one line each."""
    release = ("terms", "release", "--data-dir", str(folder), "--purpose", "train.general")
    assert "no store" in command(*release, "rec_a").err
    fill(folder)
    assert "set.jsonl" in command(*release, "set.jsonl").err
    assert command(*release, "set.jsonl").code == 2
    absent = command("terms", "release", "--check", str(tmp_path / "none.json"))
    assert (absent.code, "none.json is not there" in absent.err) == (2, True)


def test_a_user_without_a_name(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who releases has to be said where the system does not know, as in a container."""
    fill(folder)

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 43210")

    monkeypatch.setattr("getpass.getuser", nameless)
    ran = command("terms", "release", "--data-dir", str(folder), "--purpose", "train.general", "rec_a")
    assert (ran.code, "--by" in ran.err) == (2, True)
