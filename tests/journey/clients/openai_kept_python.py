"""What the openai Python SDK, 1.x and 3.x, does with what the provider keeps (protocol: `recording`)."""

from __future__ import annotations

import io
import json
from typing import Any

import openai
from recording import Scenario, Witness, plain, play

MODEL = "gpt-5.2"


def lines(*texts: str) -> bytes:
    """A batch file that asks for a chat completion a text."""
    asked = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": MODEL, "messages": [{"role": "user", "content": text}]},
        }
        for number, text in enumerate(texts)
    ]
    return b"".join(json.dumps(one).encode() + b"\n" for one in asked)


class Caller:
    """One method a story; each is told by what the SDK gave back on the way."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        self.client = openai.OpenAI(api_key="sk-journey-openai", base_url=base_url)
        self.asynchronous = openai.AsyncOpenAI(api_key="sk-journey-openai", base_url=base_url)
        witness.attend(self.client._client, self.asynchronous._client)

    def file(self, content: bytes = b"some text", name: str = "notes.txt", purpose: Any = "user_data") -> Any:
        """Upload a file."""
        return self.client.files.create(file=(name, content), purpose=purpose)

    def files(self) -> Any:
        """A file's whole life."""
        made = self.file()
        files = self.client.files
        found = [plain(one) for one in files.list()]
        text = files.content(made.id).text
        waited = files.wait_for_processing(made.id, poll_interval=0.01)
        return [plain(made), found, text, plain(waited), plain(files.delete(made.id))]

    def missing(self) -> Any:
        """A file that is not there."""
        return self.client.files.retrieve("file-none")

    def upload_in_parts(self) -> Any:
        """The SDK's own helper for large files."""
        content = bytes(range(256)) * 8192
        form: Any = {"mime_type": "application/octet-stream", "purpose": "user_data", "part_size": 700_000}
        done = self.client.uploads.upload_file_chunked(file=content, filename="large.bin", bytes=len(content), **form)
        assert done.file is not None
        kept = self.client.files.content(done.file.id).content
        assert kept == content
        return plain(done)

    def batch_in_parts(self) -> Any:
        """A file of requests that is cut within its lines, and its results."""
        content = lines("one", "two", "three")
        form: Any = {"mime_type": "application/jsonl", "purpose": "batch", "part_size": len(content) // 5}
        done = self.client.uploads.upload_file_chunked(file=content, filename="requests.jsonl", bytes=len(content), **form)
        assert done.file is not None
        batches = self.client.batches
        made = batches.create(input_file_id=done.file.id, endpoint="/v1/chat/completions", completion_window="24h")
        ended = batches.retrieve(made.id)
        assert ended.output_file_id is not None
        return [plain(done), plain(ended), self.client.files.content(ended.output_file_id).text]

    def upload_cancelled(self) -> Any:
        """An upload that is given up."""
        begun = self.client.uploads.create(bytes=1, filename="x", mime_type="text/plain", purpose="batch")
        return plain(self.client.uploads.cancel(begun.id))

    def batch(self) -> Any:
        """A file of requests, the batch, its results and its errors."""
        file = self.file(lines("one", "two", "fails [[script: status=400]]"), "requests.jsonl", "batch")
        batches = self.client.batches
        made = batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        done = batches.retrieve(made.id)
        listed = [plain(one) for one in batches.list()]
        assert done.output_file_id
        assert done.error_file_id
        results = self.client.files.content(done.output_file_id).text
        errors = self.client.files.content(done.error_file_id).text
        return [plain(made), plain(done), listed, results, errors]

    def batch_cancelled(self) -> Any:
        """A batch that is stopped."""
        file = self.file(lines("never"), "requests.jsonl", "batch")
        made = self.client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "[[script: polls=9]]"}
        )
        return plain(self.client.batches.cancel(made.id))

    def fine_tuning(self) -> Any:
        """A job with its events and checkpoints."""
        example = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
        file = self.file(json.dumps(example).encode() * 1 + b"\n", "training.jsonl", "fine-tune")
        jobs = self.client.fine_tuning.jobs
        method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
        made = jobs.create(model="gpt-4o-mini", training_file=file.id, method=method, suffix="mine")
        done = jobs.retrieve(made.id)
        events = [plain(one) for one in jobs.list_events(made.id)]
        points = [plain(one) for one in jobs.checkpoints.list(made.id)]
        return [plain(made), plain(done), events, points, [plain(one) for one in jobs.list()]]

    def vector_store(self) -> Any:
        """The helpers that wait, and a search."""
        stores = self.client.vector_stores
        file, other = self.file(b"rivers are long"), self.file(b"stones are hard", "stones.txt")
        store = stores.create(name="facts", file_ids=[file.id])
        one = stores.files.create_and_poll(other.id, vector_store_id=store.id)
        batch = stores.file_batches.create_and_poll(vector_store_id=store.id, file_ids=[file.id, other.id])
        sent = stores.files.upload_and_poll(vector_store_id=store.id, file=("more.txt", b"more"))
        found = [plain(hit) for hit in stores.search(store.id, query="how long are rivers?")]
        listed = [plain(entry) for entry in stores.files.list(store.id)]
        told = [plain(store), plain(one), plain(batch), plain(sent), found, listed]
        return [*told, plain(stores.retrieve(store.id)), plain(stores.delete(store.id))]

    def thread(self) -> Any:
        """An assistant's thread: a run that is waited for, then its messages and steps."""
        beta = self.client.beta
        assistant = beta.assistants.create(model=MODEL, name="helper", instructions="Be brief.")
        thread = beta.threads.create(messages=[{"role": "user", "content": "hello"}])
        beta.threads.messages.create(thread.id, role="user", content="and how are you?")
        run = beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10)
        messages = [plain(one) for one in beta.threads.messages.list(thread.id, order="asc")]
        steps = [plain(one) for one in beta.threads.runs.steps.list(run.id, thread_id=thread.id)]
        return [plain(assistant), plain(thread), plain(run), messages, steps, plain(beta.threads.delete(thread.id))]

    def run_streamed(self) -> Any:
        """A run as a stream, by the SDK's helper and as it comes."""
        beta = self.client.beta
        assistant = beta.assistants.create(model=MODEL, instructions="Be brief.")
        thread = beta.threads.create()
        with beta.threads.runs.stream(
            thread_id=thread.id, assistant_id=assistant.id, additional_messages=[{"role": "user", "content": "stream"}]
        ) as stream:
            helped = [plain(event) for event in stream]
            final = [plain(one) for one in stream.get_final_messages()]
        raw = beta.threads.create_and_run(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "raw"}]}, stream=True
        )
        return [helped, final, [plain(event) for event in raw]]

    def run_broken(self) -> Any:
        """A run that fails in its stream."""
        beta = self.client.beta
        assistant = beta.assistants.create(model=MODEL)
        thread = beta.threads.create()
        events: list[Any] = []
        try:
            with beta.threads.runs.create(
                thread_id=thread.id,
                assistant_id=assistant.id,
                stream=True,
                instructions="[[script: fault=error_event]]",
            ) as stream:
                events.extend(plain(event) for event in stream)
        except openai.APIError as error:
            return {"events": events, "raised": type(error).__name__, "message": str(error)}
        return {"events": events}

    def conversation(self) -> Any:
        """A conversation, its items, and a response in it that another goes on from."""
        client = self.client
        made = client.conversations.create(items=[{"type": "message", "role": "user", "content": "hello"}])
        added = client.conversations.items.create(made.id, items=[{"type": "message", "role": "user", "content": "more"}])
        items = [plain(one) for one in client.conversations.items.list(made.id)]
        first = client.responses.create(model=MODEL, input="and now?", conversation=made.id)
        second = client.responses.create(model=MODEL, input="and then?", previous_response_id=first.id)
        kept = client.responses.retrieve(first.id)
        given = [plain(one) for one in client.responses.input_items.list(second.id)]
        client.responses.delete(second.id)
        told = [plain(made), plain(added), items, plain(first), plain(second), plain(kept), given]
        return [*told, plain(client.conversations.delete(made.id))]

    def unknown_response(self) -> Any:
        """A response that goes on from nothing."""
        return self.client.responses.create(model=MODEL, input="x", previous_response_id="resp_none")

    def prompt(self) -> Any:
        """A prompt that the provider keeps, filled in."""
        prompt: Any = {"id": "pmpt_1", "version": "2", "variables": {"city": "Paris"}}
        return plain(self.client.responses.create(model=MODEL, prompt=prompt))

    def stored_completion(self) -> Any:
        """A chat completion that is kept."""
        completions = self.client.chat.completions
        made = completions.create(model=MODEL, messages=[{"role": "user", "content": "keep me"}], store=True, metadata={"a": "b"})
        found = completions.retrieve(made.id)
        listed = [plain(one) for one in completions.list()]
        messages = [plain(one) for one in completions.messages.list(made.id)]
        changed = completions.update(made.id, metadata={"a": "c"})
        return [plain(made), plain(found), listed, messages, plain(changed), plain(completions.delete(made.id))]

    def container(self) -> Any:
        """A container and a file in it."""
        containers = self.client.containers
        made = containers.create(name="box")
        file = containers.files.create(made.id, file=("data.csv", io.BytesIO(b"a,b\n1,2\n")))
        text = containers.files.content.retrieve(file.id, container_id=made.id).text
        return [plain(made), plain(file), text, plain(containers.retrieve(made.id))]

    def client_secret(self) -> Any:
        """A short-lived key for a realtime session."""
        return plain(self.client.realtime.client_secrets.create(session={"type": "realtime", "model": "gpt-realtime"}))


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url, witness)
    stories = (
        "files",
        "missing",
        "upload_in_parts",
        "batch_in_parts",
        "upload_cancelled",
        "batch",
        "batch_cancelled",
        "fine_tuning",
        "vector_store",
    )
    stories += ("thread", "run_streamed", "run_broken", "conversation", "unknown_response", "prompt", "stored_completion")
    return {name: getattr(caller, name) for name in (*stories, "container", "client_secret")}


if __name__ == "__main__":
    play(scenarios)
