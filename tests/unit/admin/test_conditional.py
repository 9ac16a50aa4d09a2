"""ETags: what is known is not sent again, and of two who change the same only the first does."""

from __future__ import annotations

import pytest

from proxy.admin import conditional
from proxy.admin.conditional import matches, resource_of
from proxy.ledger import review_tables
from proxy.ledger.store_rows import DAY_US
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin

CASE = "/api/v1/cases/case_1"


async def test_what_is_known_is_not_sent_again(admin: Admin) -> None:
    """Until it changes; a problem has no ETag."""
    first = await admin.client.get("/api/v1/principals/chat")
    again = await admin.client.get("/api/v1/principals/chat", headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await admin.client.get("/api/v1/principals/eval", headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200
    assert "etag" not in (await admin.client.get("/api/v1/principals/nobody")).headers


async def test_whatever_its_size_an_answer_is_asked_for_again(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one too large for an ETag: what was shown to somebody signed in is no cache's to show to whoever comes next."""
    monkeypatch.setattr(conditional, "MOST_BYTES", 10)
    answer = await admin.client.get("/api/v1/principals/chat")
    assert ("etag" in answer.headers, answer.headers["cache-control"]) == (False, "private, no-cache")


async def test_the_terms_of_a_day_are_one_answer(admin: Admin) -> None:
    """Whoever asks again on the same day without naming it hears that nothing changed: the instant is not part of the answer."""
    told = (await admin.client.get("/api/v1/terms")).json()
    assert told["on"] % DAY_US == 0
    assert 0 <= admin.now() - told["on"] < DAY_US


async def test_a_change_that_comes_too_late_is_refused(admin: Admin) -> None:
    """By the ETag of the resource that the address names; nothing happened, and with the new one it goes on."""
    row = {"id": "case_1", "subject_kind": "principal", "subject": "lab", "severity": "low", "opened_at": 1, "changed_at": 1}
    async with admin.store.write() as connection:
        await connection.execute(review_tables.cases.insert(), [row])
    seen = (await admin.client.get(CASE)).headers["etag"]
    assert (await admin.client.post(f"{CASE}/note", json={"note": "a"}, headers={"if-match": seen})).status_code == 200
    late = await admin.client.post(f"{CASE}/note", json={"note": "b"}, headers={"if-match": seen})
    check(late, 412, "changed-meanwhile")
    found = await admin.client.get(CASE)
    assert [event["note"] for event in found.json()["events"]] == ["a"]
    for given in (found.headers["etag"], "*"):
        now = (await admin.client.get(CASE)).headers["etag"] if given != "*" else given
        assert (await admin.client.post(f"{CASE}/note", json={"note": "c"}, headers={"if-match": now})).status_code == 200
    check(
        await admin.client.post("/api/v1/cases/none/note", json={"note": "b"}, headers={"if-match": seen}), 412, "changed-meanwhile"
    )


def test_what_a_change_is_of() -> None:
    """An action is of what stands before it, anything else of itself."""
    assert resource_of("POST", "/api/v1/cases/1/decide") == "/api/v1/cases/1"
    assert resource_of("PATCH", "/api/v1/users/ada") == "/api/v1/users/ada"
    assert resource_of("POST", "/api/v1/principals") == "/api/v1/principals"
    assert matches('"a", "b"', '"b"')
    assert not matches('"a"', '"b"')
    assert not matches('"a"', "")
