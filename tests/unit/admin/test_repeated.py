"""Idempotency-Key: asked again, done once."""

from __future__ import annotations

import asyncio

import pytest

from proxy.admin import repeated
from proxy.core.errors import LedgerUnavailableError
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin

PATH = "/api/v1/principals"


async def test_asked_again_it_is_not_done_again(admin: Admin) -> None:
    """The answer is the one of then, with the key that is shown once; another body, person or address is something else."""
    key = {"idempotency-key": "k"}
    first = await admin.client.post(PATH, json={"name": "lab"}, headers=key)
    again = await admin.client.post(PATH, json={"name": "lab"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert [event for event, _ in admin.marks] == ["principal_added"]
    check(await admin.client.post(PATH, json={"name": "other"}, headers=key), 422, "key-reused")
    assert (await admin.client.post(f"{PATH}/lab/suspend", headers=key)).status_code == 200
    check(await admin.client.post(PATH, json={"name": "lab"}, headers={"idempotency-key": "l"}), 409, "principal-exists")
    check(await admin.client.post(PATH, json={"name": "x"}, headers={"idempotency-key": "k" * 256}), 400, "bad-key")


async def test_what_failed_here_is_tried_again(admin: Admin) -> None:
    """An answer that was our own fault is not kept."""
    admin.refuse = LedgerUnavailableError("full")
    key = {"idempotency-key": "k"}
    assert (await admin.client.post(PATH, json={"name": "lab"}, headers=key)).status_code == 503
    admin.refuse = None
    assert (await admin.client.post(PATH, json={"name": "lab"}, headers=key)).status_code == 201


async def test_at_once_it_is_done_once(admin: Admin) -> None:
    """Whoever comes while it is done is told so."""
    key = {"idempotency-key": "k"}
    answers = await asyncio.gather(*(admin.client.post(PATH, json={"name": "lab"}, headers=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert [event for event, _ in admin.marks] == ["principal_added"]


async def test_answers_are_bounded(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first."""
    monkeypatch.setattr(repeated, "MOST_KEPT", 2)
    for name in ("a", "b", "c"):
        assert (await admin.client.post(PATH, json={"name": name}, headers={"idempotency-key": name})).status_code == 201
    check(await admin.client.post(PATH, json={"name": "a"}, headers={"idempotency-key": "a"}), 409, "principal-exists")
    again = await admin.client.post(PATH, json={"name": "c"}, headers={"idempotency-key": "c"})
    assert again.status_code == 201
