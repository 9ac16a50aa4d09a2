"""What `/api/v1/exchanges/{id}/lines` answers."""

from __future__ import annotations

from proxy.ledger import store_results
from tests.unit.admin.conftest import Admin


async def test_a_carrier_shows_how_many_lines_it_has_and_pages_them(admin: Admin) -> None:
    """With the content of each; other exchanges have none."""
    carrier = admin.writer.carrier([b'{"a":1}', b"\xff", b'{"c":3}'], ahead=[4])
    plain = admin.writer.exchange()
    await admin.ship()
    assert (await admin.client.get(f"/api/v1/exchanges/{carrier}")).json()["lines"] == 3
    assert (await admin.client.get(f"/api/v1/exchanges/{plain}")).json()["lines"] == 0
    first = (await admin.client.get(f"/api/v1/exchanges/{carrier}/lines", params={"limit": 2})).json()
    assert [(item["number"], item["content"], item["encoding"], item["opens"]) for item in first["items"]] == [
        (0, '{"a":1}', "utf-8", True),
        (1, "/w==", "base64", True),
    ]
    query = {"limit": 2, "cursor": first["next_cursor"]}
    last = (await admin.client.get(f"/api/v1/exchanges/{carrier}/lines", params=query)).json()
    assert ([item["content"] for item in last["items"]], last["next_cursor"]) == (['{"c":3}'], None)
    assert (await admin.client.get(f"/api/v1/exchanges/{plain}/lines")).json() == {"items": [], "next_cursor": None}


async def test_a_line_names_the_record_that_brought_its_result(admin: Admin) -> None:
    """So does the download name what it answers, and the batch who brought its results."""
    carrier = admin.writer.carrier([b'{"a":1}', b'{"b":2}'])
    batch, download = admin.writer.exchange(), admin.writer.exchange()
    await admin.ship()
    path = f"/api/v1/exchanges/{carrier}/lines"
    first = (await admin.client.get(path)).json()["items"][0]
    await store_results.keep(admin.store, download, batch, carrier, [first["id"]])
    assert [item["result"] for item in (await admin.client.get(path)).json()["items"]] == [download, ""]
    shown = (await admin.client.get(f"/api/v1/exchanges/{download}")).json()
    assert shown["result_of"] == {"batch": batch, "carrier": carrier, "lines": 1}
    assert (await admin.client.get(f"/api/v1/exchanges/{batch}")).json()["results"] == [download]
    assert (await admin.client.get(f"/api/v1/exchanges/{carrier}")).json()["result_of"] is None


async def test_what_is_not_there_and_what_makes_no_sense_are_problems(admin: Admin) -> None:
    """404 and 400, as everywhere."""
    carrier = admin.writer.carrier([b"{}"])
    await admin.ship()
    missing = await admin.client.get(f"/api/v1/exchanges/rec_{0:032x}/lines")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:tos-proxy:problem:no-such-exchange")
    wrong = await admin.client.get(f"/api/v1/exchanges/{carrier}/lines", params={"cursor": "x"})
    assert (wrong.status_code, wrong.json()["type"]) == (400, "urn:tos-proxy:problem:bad-cursor")
