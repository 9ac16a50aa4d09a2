"""The same query, the same terms and the same rules come to the same verdict and decision, by whatever surface the query comes, in
whatever pieces. Terms and rules are real; the gateway is one in memory.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from proxy.app.judging import Judging
from proxy.core.principal import Principal
from proxy.core.rules import Bundle, Rule
from proxy.core.snapshot import CredentialEntry
from proxy.core.terms import Cell, ModelGlob, Models, Row
from tests.unit.gateway.stage import VIRTUAL_KEY, Stage, line, post
from tests.unit.gateway.talking import AGREED, asks, opening

TEAM = Principal("team", ("use.product", "train.general"), "use.product", virtual=True)
WHO = {"principals": (TEAM,), "credentials": {hashlib.sha256(VIRTUAL_KEY).hexdigest(): CredentialEntry("team", virtual=True)}}
RULES = (
    Rule("p/terms", "deny", match={"terms.verdict": ("forbid",)}, when="declared", message="No."),
    Rule("p/model", "deny", match={"model": ("secret-*",)}),
    Rule("p/tokens", "deny", when="max_tokens > 1000"),
    Rule("p/long", "flag", when="prompt_chars > 50"),
    Rule("p/family", "flag", when='model.matches("^(secret|open)-[0-9]+$")'),
    Rule("p/shadow", "deny", mode="shadow", when='prompt_chars > 50 && purpose.startsWith("train.")'),
)
ROWS = (
    Row("hosts", "contract", cells={"use.product": (Cell("allow"),), "train.general": (Cell("model"),)}, hosts=("*.test",)),
    Row("open", "licence", cells={"use.product": (Cell("allow"),), "train.general": (Cell("allow", "express_grant"),)}),
    Row(
        "closed",
        "licence",
        cells={"use.product": (Cell("allow"),), "train.general": (Cell("forbid", "prohibition", clauses=("c.1",)),)},
    ),
)
MODELS = Models((ModelGlob("open-*", "open"), ModelGlob("*", "closed")))
SET = {
    "rule": {rule.name: line(rule) for rule in RULES},
    "terms": {row.id: line(row) for row in ROWS},
    "models": {"models": line(MODELS)},
    "bundle": {"bundle": line(Bundle("b" * 64))},
}


class Query(NamedTuple):
    """What is asked, whoever carries it."""

    model: str = "closed-1"
    text: str = "hello"
    tokens: int = 100
    purpose: str = "use.product"


class Told(NamedTuple):
    """What is recorded of its judgement."""

    verdict: str
    decision: str
    rules: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()


CASES = {
    "plain": (Query(), Told("allow", "allow")),
    "forbidden by terms": (Query(purpose="train.general"), Told("forbid", "deny", ("p/terms",))),
    "granted by the model's licence": (Query("open-x", purpose="train.general"), Told("allow", "allow")),
    "a model's name": (Query("secret-x"), Told("allow", "deny", ("p/model",))),
    "an expression of the model": (Query("open-7"), Told("allow", "flag", ("p/family",))),
    "tokens": (Query(tokens=5000), Told("allow", "deny", ("p/tokens",))),
    "a long text": (Query(text="x" * 51), Told("allow", "flag", ("p/long",))),
    "a text of so many characters, not bytes": (Query(text="é" * 50), Told("allow", "allow")),
    "in shadow": (Query("open-x", "x" * 60, 100, "train.general"), Told("allow", "flag", ("p/long",), ("p/shadow:deny",))),
    "all of it": (
        Query("secret-3", "x" * 60, 5000, "train.general"),
        Told("forbid", "deny", ("p/family", "p/long", "p/model", "p/terms", "p/tokens"), ("p/shadow:deny",)),
    ),
}


def chat(query: Query) -> dict[str, Any]:
    """OpenAI's chat."""
    return {"model": query.model, "max_tokens": query.tokens, "messages": [{"role": "user", "content": query.text}]}


def contents(query: Query) -> dict[str, Any]:
    """Gemini's."""
    return {"contents": [{"role": "user", "parts": [{"text": query.text}]}], "generationConfig": {"maxOutputTokens": query.tokens}}


def batch_file(query: Query) -> bytes:
    """A form with a file of one line between two others."""
    call = {"custom_id": "c", "method": "POST", "url": "/v1/chat/completions"}
    lines = [json.dumps({**call, "body": chat(each)}) for each in (Query("open-x"), query, Query("open-x"))]
    parts = [("purpose", "batch"), ('file"; filename="f.jsonl', "\n".join(lines))]
    form = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    return f"{form}--b--\r\n".encode()


def sent(path: str, body: Any, query: Query, kind: str = "application/json") -> bytes:
    """A request."""
    content = body if type(body) is bytes else json.dumps(body, ensure_ascii=False).encode()
    return post(path.encode(), content, *said(query), b"Content-Type: " + kind.encode())


def said(query: Query) -> tuple[bytes, ...]:
    """Who asks, and what for."""
    return (b"x-tos-key: " + VIRTUAL_KEY, b"Authorization: Bearer sk-own", b"x-tos-purpose: " + query.purpose.encode())


def realtime(query: Query) -> list[bytes]:
    """A session's opening, what is said in it, and the turn."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": query.text}]}
    return [
        opening(b"/openai/v1/realtime?model=" + query.model.encode(), *said(query)),
        asks({"type": "conversation.item.create", "item": item}),
        asks({"type": "response.create", "response": {"max_output_tokens": query.tokens}}),
    ]


def responses_session(query: Query) -> list[bytes]:
    """Responses over a WebSocket: the turn has everything."""
    create = {"type": "response.create", "model": query.model, "input": query.text, "max_output_tokens": query.tokens}
    return [opening(b"/openai/v1/responses", *said(query)), asks(create)]


SURFACES: dict[str, Callable[[Query], bytes | list[bytes]]] = {
    "chat": lambda q: sent("/openai/v1/chat/completions", chat(q), q),
    "chat by an upstream of another dialect": lambda q: sent("/open/v1/chat/completions", chat(q), q),
    "completions": lambda q: sent("/openai/v1/completions", {"model": q.model, "prompt": q.text, "max_tokens": q.tokens}, q),
    "responses": lambda q: sent("/openai/v1/responses", {"model": q.model, "input": q.text, "max_output_tokens": q.tokens}, q),
    "messages": lambda q: sent("/anthropic/v1/messages", chat(q), q),
    "generate": lambda q: sent(f"/gemini/v1beta/models/{q.model}:generateContent", contents(q), q),
    "generate stream": lambda q: sent(f"/gemini/v1beta/models/{q.model}:streamGenerateContent?alt=sse", contents(q), q),
    "line of a file": lambda q: sent("/openai/v1/files", batch_file(q), q, "multipart/form-data; boundary=b"),
    "entry of a message batch": lambda q: sent(
        "/anthropic/v1/messages/batches", {"requests": [{"custom_id": "a", "params": chat(q)}]}, q
    ),
    "entry of a Gemini batch": lambda q: sent(
        f"/gemini/v1beta/models/{q.model}:batchGenerateContent",
        {"batch": {"input_config": {"requests": {"requests": [{"request": contents(q), "metadata": {"key": "k"}}]}}}},
        q,
    ),
    "realtime turn": realtime,
    "responses turn": responses_session,
}


def judged(stage: Stage) -> list[Any]:
    """The entries that stand for the query itself."""
    for kind in ("turn", "line"):
        if found := stage.entries(kind):
            return found[:1] if kind == "turn" else [each for each in found if len(found) == 1 or each.number == 1]
    return stage.entries("intent") + stage.entries("refusal")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("surface", SURFACES)
def test_one_verdict_on_every_surface(surface: str, case: str) -> None:
    """Recorded as the same, and denied on all of them or none."""
    query, wanted = CASES[case]
    chance = random.Random(f"{surface}/{case}")
    for pieces in (1, 7):
        stage = Stage(**WHO)
        stage.house.judges = Judging()(SET)
        made = SURFACES[surface](query)
        client = stage.client()
        for at, part in enumerate([made] if type(made) is bytes else made):
            cuts = sorted(chance.sample(range(1, len(part)), pieces - 1))
            for start, end in zip([0, *cuts], [*cuts, len(part)], strict=True):
                if not client.closing:
                    client.feed(part[start:end])
            if at == 0 and type(made) is list and stage.entries("intent"):
                stage.upstream.feed(AGREED + b"\r\n")
        (entry, *others) = judged(stage)
        told = Told(entry.verdict, entry.decision, tuple(sorted(entry.rules)), entry.shadow)
        if type(made) is list and stage.entries("refusal"):  # a session that names a denied model is denied before anything is said
            assert (told.verdict, told.decision, set(told.rules) <= set(wanted.rules)) == (wanted.verdict, "deny", True)
        else:
            assert (told, others) == (wanted, [])
        assert entry.purpose == query.purpose
        denied = wanted.decision == "deny"
        assert (query.text.encode() in stage.sent.replace(b"\\u00e9", "é".encode())) is not denied or type(made) is list
        assert denied is bool(stage.entries("refusal") or b"\x03\xf0" in client.taken)


def test_the_table_can_fail() -> None:
    """A set without one of its rules is another verdict."""
    stage = Stage(**WHO)
    stage.house.judges = Judging()({**SET, "rule": {name: rule for name, rule in SET["rule"].items() if name != "p/model"}})
    query, wanted = CASES["a model's name"]
    stage.client(sent("/openai/v1/chat/completions", chat(query), query))
    assert msgspec.structs.asdict(stage.intent)["decision"] != wanted.decision
