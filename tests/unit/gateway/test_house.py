"""A snapshot's entries become options, routes and principals; what is not understood is an error."""

from __future__ import annotations

import msgspec
import pytest

from proxy.core.snapshot import Line, UpstreamOptions
from proxy.gateway.house import build
from proxy.wire.origin import WireSettingError
from tests.unit.gateway.stage import CHAT, IDENTITY_KEY, FakeSteps, Stage, line, post, status_of, told_error


def test_defaults() -> None:
    """Without entries there is a gateway with default bounds and no destination."""
    house = build({}, 3, lambda _: Stage().callee.pool, {}, IDENTITY_KEY, set(), lambda _: FakeSteps())
    assert (house.number, house.cancels, house.gateway.header_seconds, house.ledger.on_failure) == (3, True, 10.0, "refuse")
    assert not house.routes.upstreams


def test_options() -> None:
    """Options and upstreams are what the entries say."""
    stage = Stage(on_client_abort="drain", default_upstream="openai", ledger={"content": "digests"})
    assert (stage.house.cancels, stage.house.ledger.content) == (False, "digests")
    assert set(stage.house.routes.upstreams) == {b"openai", b"anthropic", b"gemini", b"open"}


def test_keys_come_from_the_environment() -> None:
    """A provider's key is read from the variable that its upstream names; without it there is none to lend."""
    assert Stage().house.routes.upstreams[b"openai"].key_header
    assert Stage(environment={}).house.routes.upstreams[b"openai"].key_header is None
    assert Stage().house.routes.upstreams[b"gemini"].key_header is None


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("gateway", "options", b'{"port":"high"}'),
        ("principal", "x", b'{"name":5}'),
        ("upstream", "x", b'{"name":"x"}'),
        ("credential", "x", b"[]"),
    ],
)
def test_entry_not_understood(section: str, name: str, value: bytes) -> None:
    """An entry of another shape is an error, so that the last good snapshot stays."""
    lines = {section: {name: Line(value=msgspec.Raw(value))}}
    with pytest.raises(msgspec.ValidationError):
        build(lines, 1, lambda _: Stage().callee.pool, {}, IDENTITY_KEY, set(), lambda _: FakeSteps())


@pytest.mark.parametrize("base_url", ["ftp://x.test", "nonsense", ""])
def test_base_url_not_understood(base_url: str) -> None:
    """So is an upstream that cannot be called."""
    with pytest.raises(WireSettingError):
        build(
            {"upstream": {"x": line(UpstreamOptions("x", "openai", base_url))}},
            1,
            lambda _: Stage().callee.pool,
            {},
            IDENTITY_KEY,
            set(),
            lambda _: FakeSteps(),
        )


def test_end_user_header() -> None:
    """The configured header names the end user, keyed, where the body does not."""
    stage = Stage(end_user_header="x-end-user")
    stage.client(post(b"/openai/v1/chat/completions", CHAT, b"Authorization: Bearer sk-a", b"X-End-User: ana"))
    assert stage.intent.end_user == stage.house.identity.keyed("ana")


def test_disclosure_by_reference() -> None:
    """With `disclosure: reference` a denied client reads the record's id and nothing of the reason."""
    stage = Stage(disclosure="reference")
    client = stage.client(
        post(b"/openai/v1/chat/completions", CHAT, b"Authorization: Bearer sk-a", b"x-tos-purpose: train.general")
    )
    assert status_of(client.taken) == 403
    assert stage.refusal.id in told_error(client.taken)["message"]
    assert b"train.general" not in client.taken
