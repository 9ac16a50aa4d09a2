// What the Anthropic npm SDK does with batches and files (protocol: `recording.py`).

import Anthropic, { toFile } from "@anthropic-ai/sdk";
import { drained, play } from "./recording.mjs";

const MODEL = "claude-sonnet-4-5";

function scenarios(baseURL, witness) {
  const client = new Anthropic({ apiKey: "sk-ant-journey", baseURL, fetch: witness.fetch, timeout: 60_000 });
  const entry = (id, content) => ({ custom_id: id, params: { model: MODEL, max_tokens: 64, messages: [{ role: "user", content }] } });
  const told = (batch) => ({ ...batch, results_url: batch.results_url?.replace(/http:\/\/127\.0\.0\.1:\d+/, "") });

  return {
    batch: async () => {
      const made = await client.messages.batches.create({ requests: [entry("a", "one"), entry("b", "fails [[script: status=529]]")] });
      const done = await client.messages.batches.retrieve(made.id);
      const results = await (await client.get(`/v1/messages/batches/${made.id}/results`, { __binaryResponse: true })).text();
      const listed = (await drained(client.messages.batches.list())).events.map(told);
      return [told(made), told(done), results, listed, await client.messages.batches.delete(made.id)];
    },
    files: async () => {
      const file = await toFile(Buffer.from("some text"), "notes.txt", { type: "text/plain" });
      const made = await client.beta.files.upload({ file });
      const content = await (await client.beta.files.download(made.id)).text();
      return [made, content, await client.beta.files.delete(made.id)];
    },
    missing: () => client.messages.batches.retrieve("msgbatch_none"),
  };
}

await play(scenarios);
