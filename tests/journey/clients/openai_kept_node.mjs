// What the openai npm SDK does with files, uploads, batches and conversations (protocol: `recording.py`).

import OpenAI, { toFile } from "openai";
import { drained, play } from "./recording.mjs";

const MODEL = "gpt-5.2";

function scenarios(baseURL, witness) {
  const client = new OpenAI({ apiKey: "sk-journey-openai", baseURL, fetch: witness.fetch, timeout: 60_000 });
  const line = (id, content) =>
    JSON.stringify({ custom_id: id, method: "POST", url: "/v1/chat/completions", body: { model: MODEL, messages: [{ role: "user", content }] } });
  const upload = async (text, name, purpose) => client.files.create({ file: await toFile(Buffer.from(text), name), purpose });
  const listed = async (page) => (await drained(page)).events;

  return {
    files: async () => {
      const made = await upload("some text", "notes.txt", "user_data");
      const content = await (await client.files.content(made.id)).text();
      return [made, await listed(client.files.list()), content, await client.files.delete(made.id)];
    },
    upload: async () => {
      const begun = await client.uploads.create({ bytes: 6, filename: "x.txt", mime_type: "text/plain", purpose: "user_data" });
      const parts = [];
      for (const text of ["abc", "def"]) parts.push(await client.uploads.parts.create(begun.id, { data: await toFile(Buffer.from(text), "part") }));
      return [parts, await client.uploads.complete(begun.id, { part_ids: parts.map((part) => part.id) })];
    },
    batch: async () => {
      const file = await upload([line("a", "one"), line("b", "fails [[script: status=400]]")].join("\n"), "requests.jsonl", "batch");
      const made = await client.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" });
      const done = await client.batches.retrieve(made.id);
      const results = await (await client.files.content(done.output_file_id)).text();
      return [made, done, results, await listed(client.batches.list())];
    },
    "vector store": async () => {
      const file = await upload("rivers are long", "facts.txt", "assistants");
      const store = await client.vectorStores.create({ name: "facts" });
      const added = await client.vectorStores.files.createAndPoll(store.id, { file_id: file.id });
      return [store, added, await listed(client.vectorStores.search(store.id, { query: "long?" }))];
    },
    conversation: async () => {
      const made = await client.conversations.create({ items: [{ type: "message", role: "user", content: "hello" }] });
      const first = await client.responses.create({ model: MODEL, input: "and now?", conversation: made.id });
      return [made, first, await client.responses.create({ model: MODEL, input: "and then?", previous_response_id: first.id })];
    },
    missing: () => client.files.retrieve("file-none"),
  };
}

await play(scenarios);
