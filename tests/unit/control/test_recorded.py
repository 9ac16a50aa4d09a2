"""Recorded traffic of several makes reads as the same requests; what is no record is said with its place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from proxy.control.observing import Asked
from proxy.control.recorded import (
    OWN,
    RecordedError,
    digest_of,
    from_fields,
    lines_of,
    look_up,
    reader,
    requests_of,
    scale_of,
    seconds,
)
from proxy.control.watching import EPOCH

BODY = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
RECORD = {
    "client": "c",
    "t": 2.0,
    "method": "POST",
    "path": "/v1/chat/completions",
    "headers": {"user-agent": "x"},
    "body": BODY,
    "status": 200,
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    "response_text": "Because.",
    "label": "never read",
}
LITELLM = {
    "startTime": 1.7e9,
    "model": "m",
    "messages": BODY["messages"],
    "model_parameters": {"temperature": 0.5},
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "response": {"choices": [{"message": {"content": "Because."}}]},
    "metadata": {"user_api_key_hash": "c", "requester_ip_address": "192.0.2.1"},
}
ENVOY = {
    "http_buffered_trace": {
        "request": {
            "headers": [
                {"key": ":method", "value": "POST"},
                {"key": ":path", "value": "/v1/chat/completions"},
                {"key": "authorization", "value": "Bearer sk-not-kept"},
            ],
            "body": {"as_string": json.dumps(BODY)},
            "headers_received_time": "2026-05-04T10:00:00Z",
        },
        "response": {
            "headers": [{"key": ":status", "value": "200"}],
            "body": {"as_string": json.dumps({"choices": [{"message": {"content": "Because."}}], "usage": RECORD["usage"]})},
        },
    }
}
VLLM = (
    "INFO 10-01 18:43:27 logger.py:36] Received request cmpl-1: prompt: 'Why?', params: SamplingParams(n=1, temperature=0.5, "
    "seed=None, max_tokens=9), lora_request: None."
)


def read(preset: str, line: str, fields: dict[str, str] | None = None) -> Asked:
    """The request of one line."""
    asked = reader(preset, fields, 1.0)(line)
    assert asked is not None
    return asked


@pytest.mark.parametrize(("preset", "line"), [("own", RECORD), ("litellm", LITELLM), ("envoy", ENVOY)])
def test_each_make(preset: str, line: dict[str, Any]) -> None:
    """Prompt, answer and tokens are found where each make has them."""
    asked = read(preset, json.dumps(line))
    assert asked.body["messages"] == BODY["messages"]
    assert (asked.answer, asked.input_tokens, asked.output_tokens, asked.status) == ("Because.", 3, 4, 200)
    assert asked.client == (digest_of("Bearer sk-not-kept") if preset == "envoy" else "c")
    assert "sk-" not in repr(asked)


@pytest.mark.parametrize(
    "events",
    [
        [{"choices": [{"delta": {"content": "Be"}}]}, {"choices": [{"delta": {"content": "cause."}}], "usage": RECORD["usage"]}],
        [
            {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}},
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Because."}},
            {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}},
        ],
        [
            {"type": "response.output_text.delta", "delta": "Because."},
            {"type": "response.completed", "response": {"usage": {"input_tokens": 3, "output_tokens": 4}}},
        ],
    ],
)
def test_streamed_answers(events: list[dict[str, Any]]) -> None:
    """The pieces of a streamed answer that was tapped are put together, whoever's events they are."""
    body = "".join(f"event: x\ndata: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    trace = dict(ENVOY["http_buffered_trace"])
    trace["response"] = {"headers": [{"key": ":status", "value": "200"}], "body": {"as_string": body}}
    asked = read("envoy", json.dumps({"http_buffered_trace": trace}))
    assert (asked.answer, asked.input_tokens, asked.output_tokens) == ("Because.", 3, 4)


def test_other_kinds_of_litellm_calls() -> None:
    """Embeddings teach nothing, a completion has a prompt, and a call that failed was answered with an error."""
    embedded = read("litellm", json.dumps({**LITELLM, "call_type": "aembedding", "messages": ["a", "b"], "response": {"data": []}}))
    assert (embedded.path, embedded.body["input"], embedded.answer) == ("/v1/embeddings", ["a", "b"], "")
    completed = read("litellm", json.dumps({**LITELLM, "call_type": "text_completion"}))
    assert (completed.path, completed.body["prompt"]) == ("/v1/completions", "Why?")
    assert read("litellm", json.dumps({**LITELLM, "status": "failure"})).status == 500


def test_a_log_of_text() -> None:
    """A line of vLLM's log has prompt and parameters; others are passed over; times are of a calendar."""
    asked = read("vllm", VLLM)
    later = read("vllm", VLLM.replace("10-01 18:43:27", "10-02 18:43:28"))
    assert later.at - asked.at == 86401
    assert asked.at > EPOCH
    assert asked.body == {"model": "vllm", "prompt": "Why?", "n": 1, "temperature": 0.5, "max_tokens": 9}
    assert reader("vllm", None, 1.0)("INFO: Application startup complete.") is None


def test_a_map_of_fields() -> None:
    """Other names are found by their paths, with lists and alternatives."""
    asked = read(
        "own", json.dumps({"who": ["x", "c"], "when": 5, "ask": BODY}), {"client": "who.1", "time": "at|when", "body": "ask"}
    )
    assert (asked.client, asked.at, asked.body) == ("c", 5.0, BODY)
    assert look_up({"a": [{"b": None}]}, "a.0.b|a.7|c") is None


def test_times() -> None:
    """Seconds, milliseconds and ISO 8601 are the same instants; the time scale stretches them."""
    assert seconds(1.7e12) == seconds(1.7e9) == seconds("2023-11-14T22:13:20Z")
    assert from_fields(RECORD, OWN, 40.0).at == 80.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"t": 1}', "no client"),
        ('{"client": "c"}', "no time"),
        ('{"client": "c", "t": "soon"}', "neither seconds nor"),
        ('{"client": "c", "t": NaN}', "out of range"),
        ('{"client": "c", "t": 1e999}', "out of range"),
        ('{"client": "c", "t": 1, "purpose": "fun"}', "unknown purpose"),
    ],
)
def test_what_is_no_record(line: str, said: str) -> None:
    """Each bad line is one error with file and line, and the next line is read."""
    found = [asked for _, asked in requests_of(iter(["\n", line + "\n", json.dumps(RECORD)]), "f.jsonl", reader("own", None, 1.0))]
    assert isinstance(found[0], RecordedError)
    assert str(found[0]).startswith("f.jsonl:2: ")
    assert said in str(found[0])
    assert isinstance(found[1], Asked)
    assert len(found) == 2


def test_no_tap_of_envoys() -> None:
    """A record of another make is none of Envoy's, and not a call of nobody."""
    found = [asked for _, asked in requests_of(iter([json.dumps(RECORD)]), "f.jsonl", reader("envoy", None, 1.0))]
    assert [str(error) for error in found] == ["f.jsonl:1: no http_buffered_trace"]


def test_files_and_their_scale(tmp_path: Path) -> None:
    """Packed and plain files have the same lines; an index beside them tells the time scale."""
    (tmp_path / "a.jsonl").write_text("one\ntwo\n")
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as packed:
        packed.write("one\ntwo\n")
    assert list(lines_of(tmp_path / "a.jsonl")) == list(lines_of(tmp_path / "a.jsonl.gz")) == ["one\n", "two\n"]
    assert scale_of(tmp_path / "a.jsonl") == 1.0
    (tmp_path / "index.json").write_text('{"runs": [{"file": "a.jsonl", "time_scale": 40}]}')
    assert scale_of(tmp_path / "a.jsonl") == 40.0
    (tmp_path / "index.json").write_text('{"runs": [{"file": "a.jsonl", "time_scale": NaN}]}')
    assert scale_of(tmp_path / "a.jsonl") == 1.0
    (tmp_path / "index.json").write_text("[]")
    assert scale_of(tmp_path / "a.jsonl") == 1.0
