"""What routes get of their application."""

from __future__ import annotations

from fastapi import Request

from proxy.admin.parts import parts_of
from tests.unit.admin.conftest import Admin


def test_a_route_gets_the_parts_of_its_application(admin: Admin) -> None:
    """The parts given to the application are those of every request it serves."""
    app = admin.client._transport.app  # type: ignore[attr-defined]
    assert parts_of(Request({"type": "http", "app": app})).store is admin.store
