"""What `/api/v1/standings` and `/api/v1/traits` take and answer."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import store_standings, store_traits
from proxy.review.standing import Stands
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin


async def test_a_person_places_a_principal(admin: Admin) -> None:
    """Automatic principals too: on record with who did it and why, published, listed until a person takes it back."""
    path = "/api/v1/standings/key:3f9a1c07d2be"
    answer = await admin.client.post(path, json={"standing": "suspended", "note": "resells", "by": "ann"})
    assert (answer.status_code, answer.json()["standing"], answer.json()["until"]) == (200, "suspended", None)
    (mark,) = admin.marks
    assert mark[0] == "standing_set"
    assert (mark[1]["from"], mark[1]["to"], mark[1]["note"]) == ("normal", "suspended", "resells")
    assert str(mark[1]["by"]).startswith("ann (")
    assert admin.publications == 1
    (item,) = (await admin.client.get("/api/v1/standings")).json()["items"]
    assert (item["principal"], item["standing"]) == ("key:3f9a1c07d2be", "suspended")
    assert (await admin.client.post(path, json={"standing": "normal"})).status_code == 200
    assert (await admin.client.get("/api/v1/standings")).json()["items"] == []


async def test_whatever_a_principal_is_called_it_can_be_placed(admin: Admin) -> None:
    """Slashes, questions and points are part of a name; what is placed is what is read again, and its history says by whom."""
    for name in ("jwt:https://issuer.example/a b?c#d%2F", "a/../b", "plain"):
        path = f"/api/v1/standings/{quote(name, safe='')}"
        assert (await admin.client.post(path, json={"standing": "watched", "note": "looked at"})).json()["principal"] == name
        assert (await admin.client.get(path)).json()["standing"] == "watched"
        (move,) = (await admin.client.get("/api/v1/standing-moves", params={"principal": name})).json()["items"]
        assert (move["was"], move["standing"], move["cause"], move["note"]) == ("normal", "watched", "person", "looked at")
        assert move["by"]
        page = (await admin.client.get(f"/principals/{quote(name, safe='')}")).text
        assert "looked at" in page
    assert (await admin.client.get("/api/v1/standings/nobody")).json()["standing"] == "normal"


async def test_standings_go_by_pages(admin: Admin) -> None:
    """Each is on one page, by name; who stands as everybody again is on none, and a cursor of somebody else's is refused."""
    now = admin.now()
    rows = [Stands(f"p{number}.x", "watched", since=1, until=now + (-1 if number % 3 else 10**15)) for number in range(9)]
    rows = [msgspec.structs.replace(row, until=1) if row.until < now else row for row in rows if row.until]
    async with admin.store.write() as connection:
        await store_standings.keep(connection, [msgspec.structs.asdict(row) for row in rows])
    found, cursor = [], ""
    while cursor is not None:
        page = (await admin.client.get("/api/v1/standings", params={"limit": 1, "cursor": cursor})).json()
        found += [item["principal"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert found == ["p0.x", "p3.x", "p6.x"]
    check(await admin.client.get("/api/v1/standings?cursor=%21"), 400, "bad-cursor")


async def test_a_list_of_principals_says_how_they_stand(admin: Admin) -> None:
    """Configured ones too."""
    await admin.client.post("/api/v1/standings/chat", json={"standing": "suspended"})
    items = (await admin.client.get("/api/v1/principals")).json()["items"]
    assert {item["name"]: item["standing"] for item in items} == {"chat": "suspended", "eval": "normal"}


async def test_without_its_entry_nothing_is_placed(admin: Admin) -> None:
    """While the ledger cannot write, everybody stands as before; and a word that is no standing is refused."""
    admin.refuse = LedgerUnavailableError("full")
    assert (await admin.client.post("/api/v1/standings/x", json={"standing": "limited"})).status_code == 503
    admin.refuse = None
    assert (await admin.client.get("/api/v1/standings")).json()["items"] == []
    assert (await admin.client.post("/api/v1/standings/x", json={"standing": "banned"})).status_code == 422


async def test_traits_are_kept_keyed(admin: Admin) -> None:
    """The same value of a trait is the same to two accounts, and is not readable where it is kept; an empty one takes it back."""
    rows = [{"principal": name, "traits": {"payment": "card 41", "sign_up": "card 41"}} for name in ("a", "b")]
    assert (await admin.client.post("/api/v1/traits", json={"rows": rows})).json() == {"principals": 2, "traits": 4}
    found = {(principal, trait): value for principal, trait, value in await store_traits.listed(admin.store)}
    assert found["a", "payment"] == found["b", "payment"] != found["a", "sign_up"]
    assert not any("41" in value and "card" in value for value in found.values())
    assert admin.marks == [("traits_imported", {"principals": 2, "traits": 4})]
    await admin.client.post("/api/v1/traits", json={"rows": [{"principal": "a", "traits": {"payment": " ", "sign_up": ""}}]})
    assert {principal for principal, _, _ in await store_traits.listed(admin.store)} == {"b"}


@pytest.mark.parametrize("name", sorted(store_traits.NEVER))
async def test_where_people_come_from_is_no_evidence(admin: Admin, name: str) -> None:
    """Such a trait is refused by name, and nothing of the import is kept."""
    answer = await admin.client.post("/api/v1/traits", json={"rows": [{"principal": "a", "traits": {"payment": "x", name: "y"}}]})
    assert answer.status_code == 422
    assert "never evidence" in answer.text
    assert list(await store_traits.listed(admin.store)) == []


async def test_the_overview_says_what_the_switch_would_change(admin: Admin) -> None:
    """Here detection is in shadow: whoever is limited, by evidence or a person, is watched, and would be slowed down."""
    evident = Stands("by-evidence", "limited", since=1, until=admin.writer.at * 2)
    async with admin.store.write() as connection:
        await store_standings.keep(connection, [msgspec.structs.asdict(evident)])
    await admin.client.post("/api/v1/standings/by-ann", json={"standing": "limited"})
    told = (await admin.client.get("/api/v1/overview")).json()["detection"]
    assert told == {"enforce": "shadow", "watched": 2, "slowed_down": 0, "otherwise": 2}
