"""Which maker answers which request, and the answer of a request as a whole: status, headers, content."""

from __future__ import annotations

import gzip
import re
import zlib
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import msgspec

from proxy.demo.scripted import anthropic, cohere, gemini, ollama, openai_chat, openai_responses, openai_rest, ranking
from proxy.demo.scripted.content import Asked, Content, Maker, encode, whole
from proxy.demo.scripted.kept import CARRIERS
from proxy.demo.scripted.kept import find as find_kept
from proxy.demo.scripted.quirks import QUIRKS, bend, failure
from proxy.demo.scripted.script import BadScriptError, Script, read_script
from proxy.demo.scripted.seen import Seen
from proxy.demo.scripted.store import MissingError, Store, boundary_of
from proxy.demo.scripted.wording import Stamp

Headers = list[tuple[str, str]]


class Answer(msgspec.Struct):
    """An answer before its bytes: `headers` have no framing in them yet."""

    status: int
    headers: Headers
    content: Content
    script: Script


# The first row whose pattern ends the path wins; the dialect's module has `error` and `headers`.
_POSTS: tuple[tuple[str, ModuleType, Maker], ...] = (
    (r"/(?:chat|agents|fim)/completions|/text/chatcompletion_v2", openai_rest, openai_chat.chat),
    (r"/completions", openai_rest, openai_chat.completions),
    (r"/responses|/v1/agent", openai_rest, openai_responses.responses),
    (r"/rerank", openai_rest, ranking.rerank),
    (r"/score", openai_rest, ranking.score),
    (r"/pooling", openai_rest, ranking.pooling),
    (r"/tokenize", openai_rest, ranking.tokenize),
    (r"/detokenize", openai_rest, ranking.detokenize),
    (r"/api/chat", ollama, ollama.chat),
    (r"/api/generate", ollama, ollama.generate),
    (r"/api/embed", ollama, ollama.embed),
    (r"/v2/chat", cohere, cohere.chat),
    (r"/v2/embed", cohere, cohere.embed),
    (r"/embeddings", openai_rest, openai_rest.embeddings),
    (r"/moderations", openai_rest, openai_rest.moderations),
    (r"/images/generations", openai_rest, openai_rest.images),
    (r"/audio/speech", openai_rest, openai_rest.speech),
    (r"/messages", anthropic, anthropic.messages),
    (r"/messages/count_tokens", anthropic, anthropic.count_tokens),
    (r"/models/(?P<model>[^/]+):generateContent", gemini, gemini.generate),
    (r"/models/(?P<model>[^/]+):streamGenerateContent", gemini, gemini.stream_generate),
    (r"/models/(?P<model>[^/]+):countTokens", gemini, gemini.count_tokens),
    (r"/models/(?P<model>[^/]+):embedContent", gemini, gemini.embed),
    (r"/models/(?P<model>[^/]+):batchEmbedContents", gemini, gemini.batch_embed),
)
_ROUTES = tuple((re.compile(rf"(?:.*)(?:{pattern})"), dialect, maker) for pattern, dialect, maker in _POSTS)
_MODELS = re.compile(r".*/models(?:/(?P<model>[^/:]+))?")


def _dialect_by_headers(seen: Seen, path: str, query: str) -> ModuleType:
    names = {name.lower() for name, _ in seen.headers}
    if path.startswith(("/anthropic/", "/v1/messages")) or b"anthropic-version" in names:
        return anthropic
    is_google = any(name.startswith(b"x-goog-") for name in names) or query.startswith("key=") or "&key=" in query
    if path.startswith(("/gemini/", "/v1beta/", "/upload/")) or is_google:
        return gemini
    return openai_rest


def _route(seen: Seen, path: str, query: str) -> tuple[ModuleType, Maker | None, str]:
    if seen.method in (b"GET", b"HEAD"):
        if path.endswith("/api/tags"):
            return ollama, ollama.tags, ""
        dialect = _dialect_by_headers(seen, path, query)
        if found := _MODELS.fullmatch(path):
            name = found["model"] or ""
            return dialect, dialect.model if name else dialect.models, name
        return dialect, None, ""
    for pattern, dialect, maker in _ROUTES:
        if found := pattern.fullmatch(path):
            return dialect, maker, found.groupdict().get("model") or ""
    return _dialect_by_headers(seen, path, query), None, ""


def _plain(seen: Seen) -> bytes:
    """The body without its content coding, where it has one that is known and is whole."""
    coding = seen.header("content-encoding")
    try:
        if coding == b"gzip":
            return gzip.decompress(seen.body)
        if coding == b"deflate":
            return zlib.decompress(seen.body)
    except (OSError, EOFError, zlib.error):
        return b""
    return seen.body


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def read(seen: Seen, store: Store | None = None) -> tuple[Asked, ModuleType, Maker | None]:
    """What a request asks for, and who answers. `asked.script` is as written, whatever the attempt.

    Errors: BadScriptError.
    """
    path, _, query = unquote(seen.target.decode("latin-1")).partition("?")
    dialect = _dialect_by_headers(seen, path, query)
    maker: Maker | None
    if (kept := find_kept(dialect, seen.method.decode("latin-1"), path)) is not None:
        maker, named = kept
        model = named.get("model", "")
    else:
        dialect, maker, model = _route(seen, path, query)
        named = {"model": model}
    body = _plain(seen)
    fields = _json(body)
    model = model or str(fields.get("model") or "")
    script = read_script(model, (seen.header("x-script") or b"").decode("latin-1"), b"" if maker in CARRIERS else body)
    if script.quirk and script.quirk not in QUIRKS:
        raise BadScriptError(f"no such quirk: {script.quirk}")
    stamp = Stamp(seen.method + seen.target + steady(seen, body), repeatable=True)
    return Asked(path, query, model or "scripted", fields, body, script, stamp, store or Store(), seen, named), dialect, maker


def steady(seen: Seen, body: bytes) -> bytes:
    """A body without what its client chose at random, the boundary of a form."""
    boundary = boundary_of((seen.header("content-type") or b"").decode("latin-1"))
    return body.replace(boundary, b"") if boundary else body


def compose(asked: Asked, dialect: ModuleType, maker: Maker | None) -> Answer:
    """The answer of a request whose script is settled (`asked.script`) and whose stamp is fresh."""
    script = asked.script
    headers: Headers = [("date", asked.stamp.http_date()), *dialect.headers(asked)]
    headers += [("set-cookie", f"__cf_bm={asked.stamp.hex('cookie')}; path=/; HttpOnly; Secure; SameSite=None")]
    headers += [("cf-cache-status", "DYNAMIC"), ("cf-ray", asked.stamp.hex("ray", 16) + "-FRA")]
    status = 404 if maker is None and script.status == 200 else script.status
    if status >= 400 or maker is None:
        content = whole((failure(script.quirk) if script.quirk else {}) or dialect.error(status, asked.stamp))
        for name, value in (("retry-after", script.retry_after), ("retry-after-ms", script.retry_after_ms)):
            headers += [(name, value)] if value is not None else []
        headers += [("x-should-retry", script.should_retry)] if script.should_retry else []
    else:
        try:
            content = bend(maker(asked), asked) if script.quirk else maker(asked)
        except MissingError:
            status, content = 404, whole(dialect.error(404, asked.stamp))
    headers += content.headers
    headers.append(("content-type", script.content_type or content.media_type))
    return Answer(status, headers, content, script)


def refuse(seen: Seen, error: BadScriptError) -> Answer:
    """The answer to a script that cannot be read."""
    reason = {"error": {"message": f"bad script: {error}", "type": "invalid_request_error", "code": "bad_script"}}
    stamp = Stamp(seen.target, repeatable=True)
    content = Content("application/json", closing=[encode(reason)])
    return Answer(400, [("date", stamp.http_date()), ("content-type", content.media_type)], content, Script(status=400))
