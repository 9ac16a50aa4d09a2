"""What the google-genai Python SDK, 1.x and 3.x, does with files, batches and caches (protocol: `recording`)."""

from __future__ import annotations

import io
import json
from typing import Any

from google import genai
from google.genai import types
from recording import Scenario, Witness, plain, play

MODEL = "gemini-2.5-flash"


def parsed(answer: Any) -> Any:
    """An answer without the copy of its headers, which are compared by themselves."""
    value = plain(answer)
    value.pop("sdk_http_response", None)
    return value


class Caller:
    """One method a story; each is told by what the SDK gave back on the way."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        options = types.HttpOptions(
            base_url=base_url,
            timeout=60_000,
            client_args={"event_hooks": witness.hooks},
            async_client_args={"event_hooks": witness.hooks_async},
        )
        self.client = genai.Client(api_key="journey-gemini-key", http_options=options)

    def upload(self, content: bytes, mime_type: str = "text/plain", **more: Any) -> Any:
        """Upload a file, as the SDK does: announced, then sent in pieces to the address that came back."""
        config = types.UploadFileConfig(mime_type=mime_type, **more)
        return self.client.files.upload(file=io.BytesIO(content), config=config)

    def files(self) -> Any:
        """A file's whole life."""
        made = self.upload(b"some text", display_name="notes")
        assert made.name is not None
        files = self.client.files
        found = [parsed(one) for one in files.list()]
        kept = parsed(files.get(name=made.name))
        content = files.download(file=made.name).decode()
        files.delete(name=made.name)
        return [parsed(made), found, kept, content]

    def large_file(self) -> Any:
        """A file that goes in more than one piece."""
        content = b"\x00\x01" * (5 * 1024 * 1024)
        made = self.upload(content, "application/octet-stream")
        assert made.name is not None
        assert self.client.files.download(file=made.name) == content
        return parsed(made)

    def file_in_prompt(self) -> Any:
        """A question about a file."""
        made = self.upload(b"rivers are long", display_name="facts")
        return parsed(self.client.models.generate_content(model=MODEL, contents=["What is long?", made]))

    def batch_of_requests(self) -> Any:
        """A batch whose requests stand in it."""
        source: Any = [{"contents": [{"parts": [{"text": text}], "role": "user"}]} for text in ("one", "two")]
        made = self.client.batches.create(model=MODEL, src=source, config=types.CreateBatchJobConfig(display_name="inline"))
        assert made.name is not None
        done = self.client.batches.get(name=made.name)
        listed = [parsed(one) for one in self.client.batches.list()]
        self.client.batches.delete(name=made.name)
        return [parsed(made), parsed(done), listed]

    def batch_of_a_file(self) -> Any:
        """A batch whose requests are lines of a file, and its results."""
        asked = [{"key": f"k{text}", "request": {"contents": [{"parts": [{"text": text}], "role": "user"}]}} for text in ("a", "b")]
        file = self.upload("\n".join(map(json.dumps, asked)).encode(), "jsonl")
        made = self.client.batches.create(model=MODEL, src=file.name or "")
        done = self.client.batches.get(name=made.name or "")
        assert done.dest is not None
        results = self.client.files.download(file=done.dest.file_name or "").decode()
        return [parsed(made), parsed(done), results]

    def batch_cancelled(self) -> Any:
        """A batch that is stopped."""
        source: Any = [{"contents": [{"parts": [{"text": "never"}], "role": "user"}]}]
        made = self.client.batches.create(model=MODEL, src=source)
        self.client.batches.cancel(name=made.name or "")
        return parsed(self.client.batches.get(name=made.name or ""))

    def cache(self) -> Any:
        """A cached context, and a question that uses it."""
        config = types.CreateCachedContentConfig(contents=["long " * 100], system_instruction="Be brief.", ttl="300s")
        made = self.client.caches.create(model=MODEL, config=config)
        assert made.name is not None
        asked = types.GenerateContentConfig(cached_content=made.name)
        answer = self.client.models.generate_content(model=MODEL, contents="and?", config=asked)
        changed = self.client.caches.update(name=made.name, config=types.UpdateCachedContentConfig(ttl="600s"))
        listed = [parsed(one) for one in self.client.caches.list()]
        self.client.caches.delete(name=made.name)
        return [parsed(made), parsed(answer), parsed(changed), listed]

    def missing(self) -> Any:
        """A file that is not there."""
        return parsed(self.client.files.get(name="files/none"))


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """All scenarios of this SDK."""
    caller = Caller(base_url, witness)
    stories = ("files", "large_file", "file_in_prompt", "batch_of_requests", "batch_of_a_file", "batch_cancelled", "cache")
    return {name: getattr(caller, name) for name in (*stories, "missing")}


if __name__ == "__main__":
    play(scenarios)
