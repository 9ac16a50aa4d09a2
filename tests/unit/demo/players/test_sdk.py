"""Which clients there are. What real SDKs do in the players' hands is shown by tests/journey/test_demo.py."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.demo.players import raw
from proxy.demo.players.clients import Kit
from proxy.demo.players.sdk import LEAST, RAW, SdkOpenAI, kit

SDK = """
class Made:
    def __init__(self, **options):
        self.options = options
OpenAI = DefaultHttpxClient = Made
"""


Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts distributions at versions where they are found; openai is a package, the others have nothing in them."""
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "__init__.py").write_text(SDK)
    monkeypatch.syspath_prepend(tmp_path)

    def put(**versions: str) -> None:
        for name, version in versions.items():
            folder = tmp_path / f"{name}-{version}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    yield put
    sys.modules.pop("openai", None)


@pytest.fixture
def with_openai(install: Install) -> Kit:
    """The kit where one SDK of three is installed."""
    install(openai="9.8", websockets="17.4")
    return kit()


def test_without_sdks_it_is_raw_http() -> None:
    """And it is said."""
    assert kit() == Kit(raw.RawOpenAI, raw.RawAnthropic, raw.RawGemini, (RAW, RAW, RAW))


def test_an_sdk_that_is_there_is_used(with_openai: Kit) -> None:
    """The others are played by raw HTTP; the SDK's version is said."""
    assert with_openai.named == ("openai 9.8 (SDK)", RAW, RAW)
    client = with_openai.openai("http://127.0.0.1:1/openai/v1", "sk-x", lambda _status: None)
    assert isinstance(client, SdkOpenAI)


@pytest.mark.parametrize(
    "versions", [{"openai": "1.109.1", "websockets": "17.4"}, {"openai": "9.8", "websockets": "12.0"}, {"openai": "9.8"}]
)
def test_an_sdk_that_is_too_old_is_left_alone(install: Install, versions: dict[str, str]) -> None:
    """Whoever has it installed for another reason sees the demo all the same."""
    install(**versions)
    assert kit().named == (RAW, RAW, RAW)


def test_the_extra_asks_for_what_is_used() -> None:
    """In pyproject.toml, at the same major versions."""
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    asked = [requirement.split(">=") for requirement in project["optional-dependencies"]["demo"]]
    assert {name: int(least.partition(".")[0]) for name, least in asked} == LEAST


def test_an_sdk_goes_straight_to_the_gateway_once(with_openai: Kit) -> None:
    """Not through the machine's proxies, and without retries, which would be requests that nobody counted."""
    client = with_openai.openai("http://127.0.0.1:1/openai/v1", "sk-x", lambda _status: None)
    assert isinstance(client, SdkOpenAI)
    options = client._client.options
    assert (options["base_url"], options["api_key"], options["max_retries"]) == ("http://127.0.0.1:1/openai/v1", "sk-x", 0)
    assert options["websocket_base_url"] == "ws://127.0.0.1:1/openai/v1"
    assert options["http_client"].options["trust_env"] is False
