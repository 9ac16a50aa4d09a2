// The openai npm SDK where a policy denies or limits, with the retries that the SDK makes by itself.

import OpenAI from "openai";
import { play } from "./recording.mjs";

function scenarios(baseURL, witness) {
  const client = new OpenAI({ apiKey: "sk-journey-openai", baseURL, fetch: witness.fetch });
  const chat = (model, more) => client.chat.completions.create({ model, messages: [{ role: "user", content: "hello" }], ...more });
  return {
    denied: () => chat("denied-1"),
    "denied stream": () => chat("denied-1", { stream: true }),
    "denied responses": () => client.responses.create({ model: "denied-1", input: "hello" }),
    allowed: async () => (await chat("limited-1")).choices[0].finish_reason,
    limited: () => chat("limited-1"),
  };
}

await play(scenarios);
