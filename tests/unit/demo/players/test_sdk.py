"""Which clients there are. What real SDKs do in the players' hands is shown by tests/journey/test_demo.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.players import raw
from proxy.demo.players.clients import Kit
from proxy.demo.players.sdk import RAW, SdkOpenAI, kit

SDK = """
class Made:
    def __init__(self, **options):
        self.options = options
OpenAI = DefaultHttpxClient = Made
"""


@pytest.fixture
def with_openai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kit]:
    """The kit where one SDK of three is installed."""
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "__init__.py").write_text(SDK)
    (tmp_path / "openai-9.8.dist-info").mkdir()
    (tmp_path / "openai-9.8.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: openai\nVersion: 9.8\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield kit()
    sys.modules.pop("openai", None)


def test_without_sdks_it_is_raw_http() -> None:
    """And it is said."""
    assert kit() == Kit(raw.RawOpenAI, raw.RawAnthropic, raw.RawGemini, (RAW, RAW, RAW))


def test_an_sdk_that_is_there_is_used(with_openai: Kit) -> None:
    """The others are played by raw HTTP; the SDK's version is said."""
    assert with_openai.named == ("openai 9.8 (SDK)", RAW, RAW)
    client = with_openai.openai("http://127.0.0.1:1/openai/v1", "sk-x", lambda _status: None)
    assert isinstance(client, SdkOpenAI)


def test_an_sdk_goes_straight_to_the_gateway_once(with_openai: Kit) -> None:
    """Not through the machine's proxies, and without retries, which would be requests that nobody counted."""
    client = with_openai.openai("http://127.0.0.1:1/openai/v1", "sk-x", lambda _status: None)
    assert isinstance(client, SdkOpenAI)
    options = client._client.options
    assert (options["base_url"], options["api_key"], options["max_retries"]) == ("http://127.0.0.1:1/openai/v1", "sk-x", 0)
    assert options["websocket_base_url"] == "ws://127.0.0.1:1/openai/v1"
    assert options["http_client"].options["trust_env"] is False
