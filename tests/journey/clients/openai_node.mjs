// The openai npm SDK: what its callers do, and what they see (protocol: `recording.py`).

import OpenAI from "openai";
import { drained, play, sha256 } from "./recording.mjs";

const STATUSES = [400, 401, 403, 404, 409, 422, 429, 500, 503, 529];
const TOOL = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

function scenarios(baseURL, witness) {
  const client = new OpenAI({ apiKey: "sk-journey-openai", baseURL, fetch: witness.fetch, timeout: 60_000 });
  const say = (text, script, more) => ({
    model: "gpt-5.2",
    messages: [{ role: "user", content: script ? `${text} [[script: ${script}]]` : text }],
    ...more,
  });
  const chat = (text, script, more, options) => client.chat.completions.create(say(text, script, more), options);
  const stream = (text, script, more, options) =>
    drained(chat(text, script, { stream: true, ...more }, { maxRetries: 0, ...options }));
  const once = { maxRetries: 0 };

  const answers = {
    chat: () => chat("hello from node"),
    "chat tool": () => chat("weather", "tool", { tools: [TOOL] }),
    "chat long": () => chat("long ".repeat(40_000), "words=4000"),
    "chat gzip": () => chat("gzip", "encoding=gzip"),
    "chat brotli": () => chat("brotli", "encoding=br"),
    stream: () => stream("stream", "chunks=12 delay_ms=2"),
    "stream usage": () => stream("usage", "chunks=3", { stream_options: { include_usage: true } }),
    "stream by bytes": () => stream("by bytes", "chunk_size=1 chunks=2"),
    "stream left early": async () => {
      for await (const event of await chat("left", "chunks=200 delay_ms=20", { stream: true })) return event;
    },
    responses: () => client.responses.create({ model: "gpt-5.2", input: "hello" }),
    "responses stream": () => drained(client.responses.create({ model: "gpt-5.2", input: "hello", stream: true })),
    embeddings: () => client.embeddings.create({ model: "text-embedding-3-small", input: ["a", "b"] }),
    moderations: () => client.moderations.create({ input: "harmless" }),
    models: () => drained(client.models.list()),
    speech: async () => {
      const asked = { model: "gpt-4o-mini-tts", voice: "alloy", input: "a long speech [[script: words=5000]]" };
      return sha256(await (await client.audio.speech.create(asked)).arrayBuffer());
    },
    parallel: () => Promise.all([...Array(8).keys()].map((number) => chat(`parallel ${number}`, `head_delay_ms=${number * 5}`))),
  };
  const errors = Object.fromEntries(STATUSES.map((status) => [`error ${status}`, () => chat("fail", `status=${status} retry_after_ms=5`)]));
  return {
    ...answers,
    ...errors,
    "error of a stream": () => stream("fail stream", "status=400"),
    "retry twice": () => chat("retry", "status=429 times=2 retry_after_ms=5"),
    "retry after a second": () => chat("retry later", "status=429 times=1 retry_after=1"),
    "retry forbidden": () => chat("do not retry", "status=429 should_retry=false"),
    timeout: () => chat("slow", "head_delay_ms=3000", {}, { ...once, timeout: 1000 }),
    "truncated stream": () => stream("truncated", "fault=truncate"),
    "error in a stream": () => stream("error event", "fault=error_event"),
    "reset before the head": () => chat("reset", "fault=reset at=start", {}, once),
    "reset in an answer": () => chat("reset", "fault=reset after_bytes=200", {}, once),
    "reset in a stream": () => stream("reset", "fault=reset after_bytes=900"),
    "closed in a stream": () => stream("close", "fault=close after_bytes=900"),
  };
}

await play(scenarios);
