"""What the anthropic Python SDK, 0.5x and 2.x, does with batches and files (protocol: `recording`)."""

from __future__ import annotations

import re
from typing import Any

import anthropic
from recording import Scenario, Witness, plain, play

MODEL = "claude-sonnet-4-5"
PORT = re.compile(r"http://127\.0\.0\.1:\d+")


def told(batch: Any) -> Any:
    """A batch without the port of the upstream that named itself in it."""
    value = plain(batch)
    if value["results_url"]:
        value["results_url"] = PORT.sub("", value["results_url"])
    return value


class Caller:
    """One method a story; each is told by what the SDK gave back on the way."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        self.client = anthropic.Anthropic(api_key="sk-ant-journey", base_url=base_url)
        self.asynchronous = anthropic.AsyncAnthropic(api_key="sk-ant-journey", base_url=base_url)
        witness.attend(self.client._client, self.asynchronous._client)

    def create(self, *texts: str, **more: Any) -> Any:
        """A batch that asks for a message a text."""
        requests: Any = [
            {
                "custom_id": f"entry-{number}",
                "params": {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": text}]},
            }
            for number, text in enumerate(texts)
        ]
        return self.client.messages.batches.create(requests=requests, **more)

    def results(self, batch: str) -> list[str]:
        """The results by the path that the API documents."""
        answer = self.client.get(f"/v1/messages/batches/{batch}/results", cast_to=anthropic._response.BinaryAPIResponse)
        return answer.read().decode().splitlines()

    def batch(self) -> Any:
        """A batch, its polls and its results."""
        made = self.create("one", "two", "fails [[script: status=529]]", extra_headers={"x-script": "polls=1"})
        batches = self.client.messages.batches
        waiting, done = batches.retrieve(made.id), batches.retrieve(made.id)
        listed = [told(one) for one in batches.list()]
        results = self.results(made.id)
        return [told(made), told(waiting), told(done), listed, results, plain(batches.delete(made.id))]

    def batch_cancelled(self) -> Any:
        """A batch that is stopped."""
        return told(self.client.messages.batches.cancel(self.create("never").id))

    def missing(self) -> Any:
        """A batch that is not there."""
        return told(self.client.messages.batches.retrieve("msgbatch_none"))

    def files(self) -> Any:
        """A file's whole life."""
        files = self.client.beta.files
        made = files.upload(file=("notes.txt", b"some text", "text/plain"))
        content = files.download(made.id).read().decode()
        told = [plain(made), [plain(one) for one in files.list()], plain(files.retrieve_metadata(made.id)), content]
        return [*told, plain(files.delete(made.id))]


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url, witness)
    return {name: getattr(caller, name) for name in ("batch", "batch_cancelled", "missing", "files")}


if __name__ == "__main__":
    play(scenarios)
