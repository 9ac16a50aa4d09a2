"""What a dialect understood of a request and of its answer: plain values, no provider's shapes.

Everything here is written into the evidence part of a record, so that a policy, a verdict or a backtest never needs the
content. Texts are therefore counted, never kept, except where a reader asks for them (`AnswerFacts.text`, `Message.text`).
"""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, gc=False):
    """One turn of a conversation. `role` is `system | user | assistant | tool`; `text` is joined from all text parts."""

    role: str
    text: str
    tool_calls: int = 0
    media: int = 0


class RequestFacts(msgspec.Struct, omit_defaults=True):
    """Facts of one request. Counts are of items, `*_chars` of characters; None and 0 mean that the client did not say.

    `inspection`: `full` (understood), `partial` (understood but for what `flags` names), `none` (recorded whole, not read).
    `flags` are short words: `integer_beyond_int64`, `lone_surrogate`, `not_json`, `encoded_body_too_large`, `reference`, `media` …
    `end_user` is the client's own name for its user; it is keyed before it is recorded.
    `references`: what the request uses but does not contain, as `kind:id` (`file:file-abc`, `response:resp_…`, `batch:…`), ids in
    its path among them. `file_purpose`: what an uploaded file is for, in the provider's word. `batch_endpoint`: the path that a
    batch's lines call. `training`: how a model is to be trained (`supervised`, `dpo` …), for so many `epochs`.
    `stored`: the client asks the provider to keep the answer.
    `lines`: queries that the body carries, each with an entry of its own; `models`: which they ask for, the first 16 of them.
    `audio_bytes`: of speech that a session was given for one turn, decoded.
    """

    model: str | None = None
    stream: bool = False
    inspection: str = "full"
    flags: list[str] = []
    messages: int = 0
    system_chars: int = 0
    prompt_chars: int = 0
    prompts: int = 1
    media: int = 0
    tools: int = 0
    n: int | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    logit_bias: int = 0
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    response_format: str | None = None
    reasoning: str | None = None
    references: list[str] = []
    end_user: str | None = None
    lines: int = 0
    models: list[str] = []
    file_purpose: str | None = None
    batch_endpoint: str | None = None
    training: str | None = None
    epochs: int | None = None
    stored: bool = False
    audio_bytes: int = 0


class Usage(msgspec.Struct, omit_defaults=True, gc=False):
    """Tokens as the provider counted them; `estimated` when we had to (answer bytes / 4)."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    estimated: bool = False


class AnswerFacts(msgspec.Struct, omit_defaults=True):
    """Facts of one answer, whole or cut anywhere; what was not seen stays at its default.

    `text`, `reasoning_text` and `tool_calls_text` stay empty unless the reader was made with `collect=True`.
    `error` is the provider's error type when the answer is an error or an error event came in mid-stream.
    `created`: the objects that the answer says were made, or shows as they are now, result files among them, as `kind:id`.
    `lines`: results in this answer, or requests of the batch it tells of; `lines_done` and `lines_failed`: how many ended so.
    `links`: addresses in it that lead past this proxy, which SDKs follow on their own.
    `audio_bytes`: of speech that a session answered, decoded.
    """

    model: str | None = None
    upstream_id: str | None = None
    finish: str | None = None
    usage: Usage | None = None
    choices: int = 0
    text_chars: int = 0
    reasoning_chars: int = 0
    tool_calls: int = 0
    logprobs: bool = False
    events: int = 0
    error: str | None = None
    unread: bool = False
    created: list[str] = []
    lines: int = 0
    lines_done: int = 0
    lines_failed: int = 0
    links: list[str] = []
    audio_bytes: int = 0
    text: str = ""
    reasoning_text: str = ""
    tool_calls_text: str = ""
