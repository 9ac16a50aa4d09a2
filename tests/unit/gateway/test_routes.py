"""Where requests go: upstreams by name, endpoints by path, and no path that two readers could read differently."""

from __future__ import annotations

import pytest

from proxy.core.snapshot import UpstreamOptions
from proxy.gateway.refusal import Refused
from proxy.gateway.routes import Route, Routes, Upstream
from tests.unit.gateway.stage import UPSTREAMS, Stage, get, post, status_of
from tests.unit.wire.faked import Callee


def routes(default: str | None = None) -> Routes:
    """Routes to the usual upstreams."""
    pool = Callee().pool
    return Routes({name: Upstream(options, pool, None) for name, options in UPSTREAMS.items()}, default)


def find(target: bytes, method: str = "POST", default: str | None = None) -> Route:
    """One route."""
    return routes(default).find(method, target)


@pytest.mark.parametrize(
    ("method", "target", "upstream", "dialect", "endpoint", "sent"),
    [
        ("POST", b"/openai/v1/chat/completions", "openai", "openai", "chat", b"/v1/chat/completions"),
        ("POST", b"/anthropic/v1/messages?beta=true", "anthropic", "anthropic", "messages", b"/base/v1/messages?beta=true"),
        (
            "POST",
            b"/gemini/v1beta/models/g-2:generateContent",
            "gemini",
            "gemini",
            "generate",
            b"/v1beta/models/g-2:generateContent",
        ),
        ("POST", b"/open/v1/chat/completions", "open", "openai", "chat", b"/v1/chat/completions"),
        ("POST", b"/openai/anthropic/v1/messages", "openai", "openai", "other", b"/anthropic/v1/messages"),
        ("GET", b"/open/some/thing?x=/../y", "open", "passthrough", "other", b"/some/thing?x=/../y"),
        ("POST", b"/openai/", "openai", "openai", "other", b"/"),
    ],
)
def test_found(method: str, target: bytes, upstream: str, dialect: str, endpoint: str, sent: bytes) -> None:
    """The first segment names the upstream, the rest the endpoint; what is asked for upstream is the rest, byte for byte."""
    route = find(target, method)
    if endpoint != "other":
        assert (route.dialect.name, route.endpoint.name) == (dialect, endpoint)
    assert (route.upstream.name, route.target) == (upstream, sent)


CONFUSING = [
    b"/openai/v1%2Fchat/completions",
    b"/openai/v1%2fchat/completions",
    b"/openai%2fv1/chat/completions",
    b"/openai/v1/../v1/chat/completions",
    b"/openai/v1/chat/completions/..",
    b"/openai/../anthropic/v1/messages",
    b"/openai/./v1/chat/completions",
    b"/openai/v1/%2e%2e/chat/completions",
    b"/openai/v1/%2E/chat/completions",
    b"/openai/v1/.%2e/chat/completions",
    b"/openai//v1/chat/completions",
    b"//openai/v1/chat/completions",
    b"/openai/v1/chat/completions//",
    b"/openai/v1/chat;x/completions",
    b"/openai/v1/chat/completions;x",
    b"/openai/v1/..;x/chat/completions",
    b"/openai/v1/chat/completions%00",
    b"/openai/v1/chat%0acompletions",
    b"/openai/v1/chat%0d%0aX:1",
    b"/openai/v1/%c0%afchat/completions",
    b"/openai/v1/%C0%AE%C0%AE/chat/completions",
    b"/openai/v1/%e0%80%afchat",
    b"/openai/v1/%ff",
    b"/openai/v1/%ed%a0%80",
    b"/openai/v1\\chat\\completions",
    b"/openai/v1/%5cchat",
    b"/openai/v1/%5Cchat",
    b"/openai/v1/%252fchat",
    b"/openai/v1/%63hat/completions",
    b"/openai/v1/c%48at/completions",
    b"/openai/v%31/chat/completions",
    b"/%6fpenai/v1/chat/completions",
    b"/openai/v1/chat%2Dx",
    b"/openai/v1/chat%5Fx",
    b"/openai/v1/chat%7Ex",
    b"/openai/v1/chat%7f",
    b"/openai/v1/chat%",
    b"/openai/v1/chat%2",
    b"/openai/v1/chat%zz",
    b"/openai/v1/chat%u002f",
    b"/openai/v1/chat%3Bx",
]


@pytest.mark.parametrize("target", CONFUSING)
@pytest.mark.parametrize("default", [None, "openai"])
def test_confusing_path(target: bytes, default: str | None) -> None:
    """A path that two readers could read differently is 400, with and without a default upstream."""
    with pytest.raises(Refused) as refused:
        find(target, default=default)
    assert refused.value.status == 400


def test_confusing_path_reaches_nobody() -> None:
    """Nothing of such a request goes upstream, and it is recorded as refused."""
    stage = Stage()
    client = stage.client(post(b"/openai/v1/..%2fchat/completions"))
    assert (status_of(client.taken), stage.sent, stage.refusal.status) == (400, b"", 400)
    stage.check_figures()


def test_encoded_colon() -> None:
    """An encoded colon is the same colon for matching, and goes upstream as it came."""
    route = find(b"/gemini/v1beta/models/g-2%3AgenerateContent")
    assert (route.endpoint.name, route.parameters.model) == (
        find(b"/gemini/v1beta/models/g-2:generateContent").endpoint.name,
        "g-2",
    )
    assert route.target == b"/v1beta/models/g-2%3AgenerateContent"


def test_encoded_text() -> None:
    """Encodings that have no plain form in a path are one-to-one and travel."""
    assert find(b"/openai/v1/models/%C3%A4%20%5B1%5D", "GET").target == b"/v1/models/%C3%A4%20%5B1%5D"


@pytest.mark.parametrize("target", [b"/openai/v1/chat/completions/", b"/openai/v1/chat/completions?x"])
def test_same_endpoint(target: bytes) -> None:
    """A trailing slash or a query makes no other endpoint."""
    assert find(target).endpoint.name == "chat"


@pytest.mark.parametrize("target", [b"/", b"/v1/chat/completions", b"/nobody/v1/chat/completions", b"/OpenAI/v1/x", b"/openai"])
def test_unknown_upstream(target: bytes) -> None:
    """There is no destination but the configured ones: 404, naming them."""
    with pytest.raises(Refused) as refused:
        find(target)
    assert (refused.value.status, refused.value.code) == (404, "unknown_upstream")
    assert "anthropic, gemini, open, openai" in refused.value.message


def test_default_upstream() -> None:
    """With a default, paths without a name go there; named ones where they say."""
    assert find(b"/v1/chat/completions", default="openai").target == b"/v1/chat/completions"
    assert find(b"/gemini/v1beta/models", "GET", default="openai").upstream.name == "gemini"


def test_destination_is_configured_only() -> None:
    """Neither Host nor an absolute target chooses where bytes go."""
    stage = Stage()
    stage.client(post().replace(b"Host: proxy.test", b"Host: 169.254.169.254"))
    assert b"Host: api.openai.test\r\n" in stage.sent
    client = stage.client(get(b"http://169.254.169.254/latest"))
    assert status_of(client.taken) == 400


SECRETS = [
    b"key=SECRET",
    b"KEY=SECRET",
    b"x=1&key=SECRET&y=2",
    b"api_key=SECRET",
    b"api-key=SECRET",
    b"apikey=SECRET",
    b"access_token=SECRET",
    b"token=SECRET",
    b"auth=SECRET",
    b"upload_id=SECRET",
    b"k%65y=SECRET",
    b"%6Bey=SECRET",
    b"access%5Ftoken=SECRET",
    b"key=SECRET&key=SECRET",
]


@pytest.mark.parametrize("query", SECRETS)
def test_secrets_in_the_query(query: bytes) -> None:
    """A credential in the query goes upstream, however its name is written, and never into the record."""
    route = find(b"/gemini/v1beta/models?" + query, "GET")
    assert route.target == b"/v1beta/models?" + query
    assert "SECRET" not in route.recorded_target
    assert "REDACTED" in route.recorded_target


def test_other_parameters_are_recorded() -> None:
    """What is no credential stays readable in the record."""
    assert find(b"/gemini/v1beta/models?alt=sse&monkey=1&x%20y=z", "GET").recorded_target.endswith("?alt=sse&monkey=1&x%20y=z")


@pytest.mark.parametrize(
    ("query", "left"),
    [
        (b"key=tp_1", b""),
        (b"alt=sse&key=tp_1", b"?alt=sse"),
        (b"KEY=tp_1&alt=sse&k%65y=tp_1", b"?alt=sse"),
        (b"monkey=1", b"?monkey=1"),
        (b"", b"?"),
    ],
)
def test_without_key(query: bytes, left: bytes) -> None:
    """Where another key takes its place no `key` is left in the query, however its name is written."""
    assert find(b"/gemini/v1beta/models?" + query, "GET").without_key_parameter() == b"/v1beta/models" + left


def test_memory_holds_no_queries() -> None:
    """Routes are remembered, but not those with a query, which may hold a credential; and not without bound."""
    known = routes()
    assert known.find("POST", b"/openai/v1/chat/completions") is known.find("POST", b"/openai/v1/chat/completions")
    known.find("GET", b"/gemini/v1beta/models?key=SECRET")
    for number in range(6000):
        known.find("GET", b"/openai/v1/models/%d" % (number + 10))
        known.find("GET", b"/openai/v1/models/%d?a=1" % (number + 10))
    assert len(known._known) <= 4096
    assert len(known._places) <= 4096
    assert not any(b"SECRET" in target or b"?" in target for _, target in (*known._known, *known._places))
    again = known.find("GET", b"/openai/v1/models/12?a=1"), known.find("GET", b"/openai/v1/models/12?a=2")
    assert [route.target[-4:] for route in again] == [b"?a=1", b"?a=2"]


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("openai", b"Authorization: Bearer sk-1"),
        ("anthropic", b"x-api-key: sk-1"),
        ("gemini", b"x-goog-api-key: sk-1"),
        ("passthrough", b"Authorization: Bearer sk-1"),
    ],
)
def test_slot_of_our_key(dialect: str, line: bytes) -> None:
    """The provider's key stands where its API reads it."""
    assert Upstream(UpstreamOptions("x", dialect, "http://x.test"), Callee().pool, "sk-1").key_header == line


def test_slot_that_is_configured() -> None:
    """Azure's own, whatever the dialect is."""
    options = UpstreamOptions("x", "openai", "http://x.test", api_key_slot="api-key")
    assert Upstream(options, Callee().pool, "sk-1").key_header == b"api-key: sk-1"


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        (b"/groq/v1/models", b"/openai/v1/models"),
        (b"/groq/openai/v1/models", b"/openai/v1/models"),
        (b"/groq/openai/v1/models?a=1", b"/openai/v1/models?a=1"),
        (b"/groq/openai/models", b"/openai/openai/models"),
        (b"/groq/openai/vanilla", b"/openai/openai/vanilla"),
        (b"/groq/openai2/v1/models", b"/openai/openai2/v1/models"),
    ],
)
def test_base_path_is_not_doubled(asked: bytes, target: bytes) -> None:
    """Groq's and Fireworks' SDKs have the base URL's path in their own; before a version it is taken once."""
    upstream = Upstream(UpstreamOptions("groq", "openai", "http://x.test/openai"), Callee().pool, None)
    assert Routes({"groq": upstream}, None).find("GET", asked).target == target


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        (b"/vllm/v1/models", b"/team/v1/models"),
        (b"/vllm/models?a=1", b"/team/v1/models?a=1"),
        (b"/vllm/v2/models", b"/team/v1/v2/models"),
        (b"/vllm/v1beta/models", b"/team/v1/v1beta/models"),
        (b"/vllm/team/v1/models", b"/team/v1/team/v1/models"),
    ],
)
def test_version_is_not_doubled(asked: bytes, target: bytes) -> None:
    """Who writes a base URL as SDKs want it, its version included, is understood."""
    upstream = Upstream(UpstreamOptions("vllm", "openai", "http://x.test/team/v1"), Callee().pool, None)
    assert Routes({"vllm": upstream}, None).find("GET", asked).target == target
