"""What `/api/v1/terms/adoptions` takes and answers."""

from __future__ import annotations

import msgspec
import pytest

from proxy.core import snapshot
from proxy.core.errors import LedgerUnavailableError
from proxy.core.terms import Adoption
from proxy.ledger import store_adoptions
from tests.unit.admin.conftest import Admin

PATH = "/api/v1/terms/adoptions"


def body(by: str = "J. Doe", digest: str = "0" * 16) -> dict[str, object]:
    return {"by": by, "rows": [{"row": "acme.api", "digest": digest, "version": "2026-01-01"}]}


async def test_the_newest_reading_of_a_row_counts(admin: Admin) -> None:
    """Each reading is a mark with who said so and who was signed in; the newest of a row is listed and published."""
    assert (await admin.client.post(PATH, json=body())).status_code == 201
    assert (await admin.client.post(PATH, json=body("A. Roe", "1" * 16))).status_code == 201
    (item,) = (await admin.client.get(PATH)).json()["items"]
    assert (item["row"], item["by"], item["digest"]) == ("acme.api", "A. Roe", "1" * 16)
    assert [(event, detail["by"], bool(detail["signed_in"])) for event, detail in admin.marks] == [
        ("terms_adopted", "J. Doe", True),
        ("terms_adopted", "A. Roe", True),
    ]
    assert admin.publications == 2
    entries = b"".join(store_adoptions.snapshot_entries(await store_adoptions.listed(admin.store)))
    (line,) = snapshot.lines(entries)
    assert msgspec.json.decode(line.value, type=Adoption).by == "A. Roe"


@pytest.mark.parametrize("wrong", [body(""), body(" "), body("a\nb"), body(digest="x"), {"by": "x", "rows": []}, {"by": "x"}])
async def test_a_reading_names_a_person_and_a_text(admin: Admin, wrong: dict[str, object]) -> None:
    """Nobody, nothing and no digest are refused, and nothing is kept."""
    answer = await admin.client.post(PATH, json=wrong)
    assert answer.status_code == 422
    assert admin.marks == []
    assert (await admin.client.get(PATH)).json()["items"] == []


async def test_a_reading_without_its_entry_is_not_kept(admin: Admin) -> None:
    """While the ledger cannot write, nothing is adopted."""
    admin.refuse = LedgerUnavailableError("full")
    assert (await admin.client.post(PATH, json=body())).status_code == 503
    admin.refuse = None
    assert (await admin.client.get(PATH)).json()["items"] == []
