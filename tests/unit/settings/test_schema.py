"""Types, bounds and forms of the configuration's values."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.settings.written import complaints


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("https://user:pw@host", "no user name or password"),
        ("https://host/v1?x=1", "no query"),
        ("https://host/#f", "no fragment"),
        ("https://host/a/../b", "dot segments"),
        ("https://", "should name a host"),
        ("https://host:99999", "Port out of range"),
        ("host:8000", "http://"),
        ("https://ho st", "without spaces"),
    ],
)
def test_base_urls_mean_one_place(tmp_path: Path, base_url: str, reason: str) -> None:
    """A base URL that could mean more or other than one place is refused."""
    (line,) = complaints(tmp_path, f"upstreams: {{x: {{base_url: {base_url!r}}}}}")
    assert reason in line


def test_numbers_and_booleans_are_not_mixed_up(tmp_path: Path) -> None:
    """`true` is no port and a number is no text."""
    assert complaints(tmp_path, "gateway: {port: true}") == ["tos-proxy.yaml:1:17: gateway.port: should be a number"]
    assert "put it in quotes" in complaints(tmp_path, "admin: {token: 1234567890123456}")[0]
