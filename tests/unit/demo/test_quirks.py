"""Other hosts' ways: each bends an answer into another shape, and none changes what it says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts
from proxy.demo.scripted.quirks import QUIRKS
from proxy.demo.scripted.routes import compose, read
from proxy.demo.scripted.script import BadScriptError
from proxy.demo.scripted.seen import Seen
from proxy.dialects import by_name

PATH = "/v1/chat/completions"


def pieces(script: str, **body: Any) -> list[bytes]:
    """The answer to a chat request whose script this is."""
    asked = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **body}
    seen = Seen(number=1, connection=1, method=b"POST", target=PATH.encode(), body=msgspec.json.encode(asked))
    seen.headers = [(b"x-script", f"seed=a {script}".encode())]
    content = compose(*read(seen)).content
    broken = "error_event" in script
    return [*content.opening, *content.deltas, *([content.error] if broken else content.closing)]


def facts(*parts: bytes, stream: str) -> AnswerFacts:
    """What the dialect reads in an answer."""
    found = by_name("openai").match("POST", PATH)
    assert found is not None
    reader = found[0].answer(stream, True)
    for part in parts:
        reader.feed(part)
    return reader.facts()


@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_quirk_changes_the_shape_and_not_the_words(quirk: str) -> None:
    """The same text, thoughts, finish and counts as OpenAI's, whole and streamed."""
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    for stream, body in (("sse", streamed), ("json", {})):
        plain = facts(*pieces("reasoning", **body), stream=stream)
        found = facts(*pieces(f"reasoning quirk={quirk}", **body), stream=stream)
        for name in ("model", "text", "reasoning_text", "finish", "choices", "text_chars", "error"):
            assert getattr(found, name) == getattr(plain, name), name
        assert found.usage is not None
        assert plain.usage is not None
        assert (found.usage.input, found.usage.output) == (plain.usage.input, plain.usage.output)


@pytest.mark.parametrize("quirk", [name for name, quirk in QUIRKS.items() if quirk.failure])
def test_a_quirks_failure_is_an_error_to_its_reader(quirk: str) -> None:
    """In mid-stream, and as a whole answer."""
    assert facts(*pieces(f"quirk={quirk} fault=error_event", stream=True), stream="sse").error
    assert facts(*pieces(f"quirk={quirk} status=500"), stream="json").error


def test_an_unknown_quirk_is_refused() -> None:
    """A misspelt host would make a test that shows nothing."""
    with pytest.raises(BadScriptError, match="no such quirk"):
        pieces("quirk=gorq")
