// How the Anthropic npm SDK fetches the results of a batch by its own method (protocol: `recording.py`).

import Anthropic from "@anthropic-ai/sdk";
import { drained, play } from "./recording.mjs";

async function results(client) {
  const params = { model: "claude-sonnet-4-5", max_tokens: 64, messages: [{ role: "user", content: "hello" }] };
  const made = await client.messages.batches.create({ requests: [{ custom_id: "a", params }] });
  return (await drained(client.messages.batches.results(made.id))).events;
}

function scenarios(base, witness) {
  const plainly = new Anthropic({ apiKey: "sk-ant-journey", baseURL: base, fetch: witness.fetch });
  const stay = (url, init) => fetch(String(url).replace(/^https?:\/\/[^/]+\/v1\//, `${base}/v1/`), init);
  const client = new Anthropic({ apiKey: "sk-ant-journey", baseURL: base, fetch: stay });
  return { past: () => results(plainly), through: () => results(client) };
}

await play(scenarios);
