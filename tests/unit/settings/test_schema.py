"""Types, bounds and forms of the configuration's values."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from proxy.settings.alerting import Alert
from proxy.settings.sign_on import Oidc
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


@pytest.mark.parametrize(
    ("alert", "told"),
    [
        ({"url": "https://hooks.example/x"}, ""),
        ({"file": "/var/log/told.jsonl", "format": "ocsf", "exchanges": True}, ""),
        ({}, "needs either a url or a file"),
        ({"url": "https://hooks.example/x", "file": "/a"}, "needs either a url or a file"),
        ({"url": "ftp://hooks.example/x"}, "should start with http"),
        ({"url": "https://hooks.example/x", "kinds": ["everything"]}, "should be"),
    ],
)
def test_an_alert_goes_to_one_place(alert: dict[str, object], told: str) -> None:
    """An address or a file, for kinds that there are."""
    if not told:
        target = Alert.model_validate(alert).target
        assert (bool(target.url), bool(target.file)) == ("url" in alert, "file" in alert)
        return
    with pytest.raises(ValidationError, match=told):
        Alert.model_validate(alert)


@pytest.mark.parametrize(
    ("issuer", "fits"),
    [
        ("https://sso.example", True),
        ("http://127.0.0.1:9400", True),
        ("http://sso.example", False),
        ("https://sso.example/?a=b", False),
    ],
)
def test_a_provider_of_single_sign_on_is_reached_over_tls(issuer: str, fits: bool) -> None:
    """But on this machine."""
    given = {"issuer": issuer, "client_id": "tos-proxy", "client_secret_env": "SECRET", "roles": {"security": "reviewer"}}
    if fits:
        assert Oidc.model_validate(given).issuer == issuer
        return
    with pytest.raises(ValidationError):
        Oidc.model_validate(given)
