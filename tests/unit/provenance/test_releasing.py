"""Data sets released from a store: rows that pass, rows that are held, and the manifest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.core.terms import Models
from proxy.ledger.record import Versions
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.provenance import releasing
from proxy.provenance.manifest import ManifestError, check, signed
from proxy.provenance.release import Release
from proxy.provenance.releasing import Input, Released, compared, manifest, release, summary
from proxy.provenance.rows import rows
from proxy.terms.verdict import TermsJudge
from tests.ledgers import NOON, Writer
from tests.unit.provenance.test_release import ROWS

JUDGE = Release(TermsJudge(ROWS, Models(version="2026.01")), "train.general", {})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/store.db")
    yield opened
    await opened.close()


async def two(store: Store) -> tuple[str, str]:
    """Records of an answer that may be used for training, and of one that may not."""
    writer = Writer()
    given = Versions(terms="2026.01")
    good = writer.exchange(host="api.giver.example", upstream="giver", versions=given, rows=("giver.api@2026-01-01",))
    bad = writer.exchange(host="api.barrer.example", versions=given)
    await ship(store, writer.batch())
    return good, bad


def lines(*written: str) -> list[bytes]:
    """A file's lines."""
    return [f"{each}\n".encode() for each in written]


def payload(released: Released) -> dict[str, object]:
    """The manifest of these."""
    named = {"purpose": "train.general", "attributes": {}, "terms": "2026.01", "by": "zoe"}
    return manifest(released, Input("set.jsonl", "ab"), named, NOON)


@pytest.mark.parametrize("chunk", [1, 3, 1000])
async def test_rows_are_told_apart(store: Store, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """One that holds any answer that does not pass does not pass; each has its number, whatever is looked up together."""
    monkeypatch.setattr(releasing, "CHUNK", chunk)
    good, bad = await two(store)
    file = lines(f'{{"record": "{good}"}}', f'{{"record": ["{good}", "{bad}"]}}', "{}", good, "rec_" + "0" * 32)
    told: list[int] = []
    released = await release(store, JUDGE, rows(file), told.append)
    assert [row["row"] for row in released.passed] == [1, 4]
    assert [(held.row, held.record, held.reason.word) for held in released.held] == [
        (2, bad, "forbid"),
        (3, "", "no_record"),
        (5, "rec_" + "0" * 32, "unknown"),
    ]
    assert (released.rows, released.held_rows, released.reasons["forbid"], told[-1]) == (5, 3, 1, 5)


async def test_a_manifest_says_what_passed_and_by_which_terms(store: Store) -> None:
    """It can be signed, and holds the leaves of the evidence."""
    good, _ = await two(store)
    told = payload(await release(store, JUDGE, rows(lines(good, "{}"))))
    assert told["counts"] == {"rows": 2, "passed": 1, "held": 1, "held_by_reason": {"no_record": 1}}
    assert check(signed(told, Ed25519PrivateKey.generate())).manifest == told
    (row,) = told["rows"]  # type: ignore[misc] # a list of one
    (answer,) = row["answers"]
    assert (answer["record"], answer["contract"], answer["clauses"]) == (good, ["giver.api@2026-01-01"], ["giver.4.2"])
    assert (answer["obligations"], answer["upstream"], answer["model"]) == (["say so"], "giver", "gpt-5-2026")
    assert len(answer["leaf"]) == len(answer["answer_leaf"]) == 64


async def test_a_file_is_held_against_its_release(store: Store) -> None:
    """Rows that were held, changed or doubled are not released; their order does not matter, nor that some are left out."""
    good, _ = await two(store)
    file = lines(f'{{"record": "{good}", "text": "a"}}', f'{{"record": "{good}", "text": "b"}}', "{}")
    told = payload(await release(store, JUDGE, rows(file)))
    assert compared(told, rows(file)) == ([3], [])
    assert compared(told, rows(file[1::-1])) == ([], [])
    assert compared(told, rows(file[:1])) == ([], [2])
    assert compared(told, rows([*file[:2], file[0]])) == ([3], [])
    file[1] = file[1].replace(b'"b"', b'"c"')
    assert compared(told, rows(file)) == ([2, 3], [2])


@pytest.mark.parametrize("lost", ["purpose", "input", "rows", "counts"])
async def test_what_is_signed_and_no_manifest(store: Store, lost: str) -> None:
    """Another thing under a signature is told from a manifest."""
    told = payload(await release(store, JUDGE, rows([])))
    assert summary(told)["by"] == "zoe"
    del told[lost]
    with pytest.raises(ManifestError, match=lost):
        summary(told)
