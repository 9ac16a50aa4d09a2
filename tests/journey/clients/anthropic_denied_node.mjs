// The anthropic npm SDK where a policy denies or limits, with the retries that the SDK makes by itself.

import Anthropic from "@anthropic-ai/sdk";
import { play } from "./recording.mjs";

function scenarios(baseURL, witness) {
  const client = new Anthropic({ apiKey: "sk-ant-journey", baseURL, fetch: witness.fetch });
  const asked = (model, more) => ({ model, max_tokens: 16, messages: [{ role: "user", content: "hello" }], ...more });
  return {
    denied: () => client.messages.create(asked("denied-1")),
    "denied stream": () => client.messages.create(asked("denied-1", { stream: true })),
    allowed: async () => (await client.messages.create(asked("limited-1"))).stop_reason,
    limited: () => client.messages.create(asked("limited-1")),
  };
}

await play(scenarios);
