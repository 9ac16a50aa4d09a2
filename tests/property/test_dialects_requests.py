"""Any bytes and any JSON tree as a request: facts or a refusal, never another error."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects import DIALECTS
from proxy.dialects.contract import Endpoint, PathParameters
from proxy.dialects.jsonio import StrictJSONError, inspect_json
from proxy.dialects.multipart import read_form

WORDS = [
    "model",
    "messages",
    "content",
    "role",
    "text",
    "type",
    "input",
    "prompt",
    "instructions",
    "system",
    "contents",
    "parts",
    "generationConfig",
    "generation_config",
    "n",
    "seed",
    "temperature",
    "top_p",
    "topP",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "tools",
    "functions",
    "reasoning",
    "thinking",
    "metadata",
    "user",
    "user_id",
    "max_tokens",
    "source",
    "file_id",
    "image_url",
    "url",
    "input_audio",
    "file",
    "tool_calls",
    "audio",
    "requests",
    "thinkingConfig",
    "systemInstruction",
    "cachedContent",
    "conversation",
    "include",
    "previous_response_id",
    "summary",
    "output",
    "function_call",
    "item_reference",
    "tool_result",
    "tool_use",
    "image",
    "document",
    "inlineData",
    "fileData",
    "fileUri",
    "candidateCount",
    "response_format",
    "format",
    "json_schema",
    "choices",
    "delta",
    "message",
    "usage",
    "error",
    "candidates",
    "index",
    "id",
    "data",
    "embeddings",
    "batch",
    "inputConfig",
    "fileName",
    "method",
    "hyperparameters",
    "n_epochs",
    "tool_resources",
    "file_search",
    "vector_store_ids",
    "file_ids",
    "attachments",
    "thread",
    "tool_outputs",
    "data_source",
    "items",
    "instances",
    "tuningTask",
    "examples",
    "variables",
    "container",
    "skills",
    "request_counts",
    "object",
    "list",
    "status",
    "steps",
    "step",
    "result",
    "response",
    "interaction",
    "inlinedResponses",
    "batchStats",
    "results_url",
]
KEYS = st.one_of(st.sampled_from(WORDS), st.text(max_size=3))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(WORDS),
)
TREES = st.recursive(
    LEAVES, lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(KEYS, below, max_size=6)), max_leaves=25
)
ROWS = {f"{dialect.name} {row.method} {row.pattern}": row for dialect in DIALECTS for row in dialect.endpoints}


def _code(function: Any) -> Any:
    """What a function does, so that rows whose readers are made alike need not all be tried."""
    if not hasattr(function, "__code__"):
        return type(function)
    return (function.__code__, *(_code(cell.cell_contents) for cell in function.__closure__ or ()))


READING = {(row.read_request, row.read_messages): name for name, row in reversed(ROWS.items())}.values()
ANSWERING = {(row.teaches, _code(row.answer)): name for name, row in reversed(ROWS.items())}.values()


@pytest.mark.parametrize("name", READING)
@settings(max_examples=40, deadline=None)
@given(tree=TREES)
def test_no_tree_raises_as_a_request(name: str, tree: Any) -> None:
    """Facts and messages come of anything, and can be written into a record."""
    row: Endpoint = ROWS[name]
    facts = row.read_request(tree, PathParameters())
    assert facts.inspection in ("full", "partial", "none")
    assert (facts.inspection == "full") == (not facts.flags and facts.inspection != "none")
    msgspec.json.encode(facts)
    msgspec.json.encode(row.read_messages(tree))


@pytest.mark.parametrize("name", ANSWERING)
@settings(max_examples=30, deadline=None)
@given(tree=TREES)
def test_no_tree_raises_as_an_answer(name: str, tree: Any) -> None:
    """Whole answers and single events of any content are read without an error."""
    row: Endpoint = ROWS[name]
    raw = json.dumps(tree).encode()
    for stream, wrapped in (("json", raw), ("sse", b"data: " + raw + b"\n\n"), ("other", raw)):
        reader = row.answer(stream, True)
        reader.feed(wrapped)
        msgspec.json.encode(reader.facts())


@settings(max_examples=300, deadline=None)
@given(raw=st.one_of(st.binary(max_size=100), TREES.map(lambda tree: json.dumps(tree).encode())))
def test_inspection_gives_a_tree_or_a_refusal(raw: bytes) -> None:
    """No other exception leaves the scanner."""
    with contextlib.suppress(StrictJSONError):
        inspect_json(raw)


PAIRS = st.recursive(
    st.sampled_from([1, "x", 'a":', ": ", None, 1.5]),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.lists(st.tuples(st.sampled_from(["a", "b", 'c":', ":", "é", ""]), below), max_size=4).map(tuple),
    ),
    max_leaves=15,
)


def _write(value: Any, style: tuple[str, str, bool]) -> tuple[str, bool]:
    """A value as text, objects given as pairs, and whether one of them has a key twice."""
    comma, colon, ascii_only = style
    if isinstance(value, list):
        items = [_write(item, style) for item in value]
        return "[" + comma.join(text for text, _ in items) + "]", any(twice for _, twice in items)
    if isinstance(value, tuple):
        members = [(key, *_write(item, style)) for key, item in value]
        text = comma.join(json.dumps(key, ensure_ascii=ascii_only) + colon + text for key, text, _ in members)
        return "{" + text + "}", any(twice for *_, twice in members) or len({key for key, _ in value}) < len(value)
    return json.dumps(value, ensure_ascii=ascii_only), False


@settings(max_examples=400, deadline=None)
@given(value=PAIRS, style=st.sampled_from([(",", ":", False), (", ", ": ", True), (" ,\n", "\t: ", False), (",", " :", True)]))
def test_a_body_is_refused_exactly_when_a_key_occurs_twice(value: Any, style: tuple[str, str, bool]) -> None:
    """In whatever style it is written, and whatever look-alikes its texts hold."""
    text, twice = _write(value, style)
    with pytest.raises(StrictJSONError, match="occurs twice") if twice else contextlib.nullcontext():
        inspect_json(text.encode())


@settings(max_examples=200, deadline=None)
@given(
    raw=st.lists(st.sampled_from([b"--b", b"\r\n", b"--", b'Content-Disposition: form-data; name="n"', b"; filename=x", b"x"])).map(
        b"".join
    )
)
def test_no_form_raises(raw: bytes) -> None:
    """A form is read or it is not."""
    read_form(raw, "multipart/form-data; boundary=b")
