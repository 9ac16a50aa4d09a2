// The anthropic npm SDK: what its callers do, and what they see (protocol: `recording.py`).

import Anthropic from "@anthropic-ai/sdk";
import { drained, play } from "./recording.mjs";

const STATUSES = [400, 401, 403, 404, 413, 429, 500, 503, 529];
const MODEL = "claude-sonnet-5-0";
const TOOL = {
  name: "get_weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

function scenarios(baseURL, witness) {
  const client = new Anthropic({ apiKey: "sk-ant-journey", baseURL, fetch: witness.fetch, timeout: 60_000 });
  const say = (text, script, more) => ({
    model: MODEL,
    max_tokens: 256,
    messages: [{ role: "user", content: script ? `${text} [[script: ${script}]]` : text }],
    ...more,
  });
  const message = (text, script, more, options) => client.messages.create(say(text, script, more), options);
  const stream = (text, script, more, options) =>
    drained(message(text, script, { stream: true, ...more }, { maxRetries: 0, ...options }));
  const once = { maxRetries: 0 };

  const answers = {
    message: () => message("hello from node", "", { metadata: { user_id: "end-user-1" } }),
    "message tool": () => message("weather", "tool", { tools: [TOOL] }),
    "message thinking": () => message("think", "reasoning"),
    "message gzip": () => message("gzip", "encoding=gzip"),
    stream: () => stream("stream", "chunks=12 delay_ms=2"),
    "stream accumulated": () => client.messages.stream(say("accumulated", "reasoning tool", { tools: [TOOL] })).finalMessage(),
    "stream by bytes": () => stream("by bytes", "chunk_size=1 chunks=2"),
    "count tokens": () => client.messages.countTokens({ model: MODEL, messages: [{ role: "user", content: "count me" }] }),
    models: () => drained(client.models.list()),
    parallel: () => Promise.all([...Array(8).keys()].map((number) => message(`parallel ${number}`, `head_delay_ms=${number * 5}`))),
  };
  const errors = Object.fromEntries(
    STATUSES.map((status) => [`error ${status}`, () => message("fail", `status=${status} retry_after_ms=5`)]),
  );
  return {
    ...answers,
    ...errors,
    "error of a stream": () => stream("fail stream", "status=529"),
    "retry twice": () => message("retry", "status=429 times=2 retry_after_ms=5"),
    "retry after a second": () => message("retry later", "status=529 times=1 retry_after=1"),
    "retry forbidden": () => message("do not retry", "status=429 should_retry=false"),
    timeout: () => message("slow", "head_delay_ms=3000", {}, { ...once, timeout: 1000 }),
    "truncated stream": () => stream("truncated", "fault=truncate"),
    "error in a stream": () => stream("error event", "fault=error_event"),
    "reset before the head": () => message("reset", "fault=reset at=start", {}, once),
    "reset in an answer": () => message("reset", "fault=reset after_bytes=200", {}, once),
    "reset in a stream": () => stream("reset", "fault=reset after_bytes=700"),
    "closed in a stream": () => stream("close", "fault=close after_bytes=700"),
  };
}

await play(scenarios);
