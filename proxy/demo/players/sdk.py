"""The clients by the providers' own SDKs. They are an extra (`demo`), so they are imported by name, and only here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, NamedTuple

from proxy.demo.players import raw
from proxy.demo.players.clients import BETWEEN_POLLS_SECONDS, POLLS, Kit, Tell, UnansweredError

_ANSWER_SECONDS = 30.0
RAW = "raw HTTP"


LEAST = {"openai": 3, "anthropic": 2, "google-genai": 3, "websockets": 15}
"""Major versions, as in the extra. Who has older ones installed for other reasons sees the demo by raw HTTP."""


class _Sdk(NamedTuple):
    module: ModuleType
    name: str


def kit() -> Kit:
    """Every dialect's SDK where it is installed, raw HTTP where it is not."""
    openai = _sdk("openai", "openai", "websockets")
    anthropic = _sdk("anthropic", "anthropic")
    gemini = _sdk("google.genai", "google-genai")
    return Kit(
        partial(SdkOpenAI, openai.module) if openai else raw.RawOpenAI,
        partial(SdkAnthropic, anthropic.module) if anthropic else raw.RawAnthropic,
        partial(SdkGemini, gemini.module) if gemini else raw.RawGemini,
        (openai.name if openai else RAW, anthropic.name if anthropic else RAW, gemini.name if gemini else RAW),
    )


def _sdk(module: str, distribution: str, *besides: str) -> _Sdk | None:
    if not all(_is_there(needed) for needed in (distribution, *besides)):
        return None
    return _Sdk(import_module(module), f"{distribution} {version(distribution)} (SDK)")


def _is_there(distribution: str) -> bool:
    try:
        return int(version(distribution).partition(".")[0]) >= LEAST[distribution]
    except PackageNotFoundError:
        return False


def _transport(tell: Tell) -> dict[str, Any]:
    """What an SDK's HTTP client is to do besides: tell each status, and take no way through the machine's proxies."""
    return {"trust_env": False, "event_hooks": {"response": [lambda answer: tell(answer.status_code)]}}


def _until(ask: Callable[[], Any], is_done: Callable[[Any], Any]) -> Any:
    for _ in range(POLLS):
        found = ask()
        if is_done(found):
            return found
        time.sleep(BETWEEN_POLLS_SECONDS)
    raise UnansweredError(f"a batch was not done after {POLLS} polls")


class SdkOpenAI:
    """OpenAI's API by the package openai."""

    def __init__(self, sdk: ModuleType, base_url: str, key: str, tell: Tell) -> None:
        self._sdk = sdk
        self._tell = tell
        self._client = sdk.OpenAI(
            api_key=key,
            base_url=base_url,
            websocket_base_url=base_url.replace("http", "ws", 1),
            timeout=_ANSWER_SECONDS,
            max_retries=0,
            http_client=sdk.DefaultHttpxClient(**_transport(tell)),
        )

    def chat(self, words: str, *, model: str, **more: Any) -> None:
        """One question."""
        with suppress(self._sdk.APIStatusError):
            asked = self._client.chat.completions.create(model=model, messages=[{"role": "user", "content": words}], **more)
            _read(asked, stream=bool(more.get("stream")))

    def respond(self, words: str, *, after: str | None = None) -> str:
        """A response, perhaps after another one."""
        return str(self._client.responses.create(model="gpt-5", input=words, previous_response_id=after).id)

    def batch(self, questions: Sequence[str]) -> None:
        """Upload, creation, polls, download."""
        client = self._client
        file = client.files.create(file=("questions.jsonl", raw.batch_file(questions)), purpose="batch")
        made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        done = _until(lambda: client.batches.retrieve(made.id), lambda found: found.output_file_id)
        client.files.content(done.output_file_id).read()

    def talk(self, turns: Sequence[str]) -> None:
        """A session in events; the SDK leaves its proxies alone as the HTTP client does."""
        with self._client.realtime.connect(model="gpt-realtime", websocket_connection_options={"proxy": None}) as session:
            self._tell(101)
            for words in turns:
                for event in raw.realtime_turn(words):
                    session.send(event)
                while session.recv().type != "response.done":
                    pass


class SdkAnthropic:
    """Anthropic's API by the package anthropic."""

    def __init__(self, sdk: ModuleType, base_url: str, key: str, tell: Tell) -> None:
        self._sdk = sdk
        self._client = sdk.Anthropic(
            api_key=key,
            base_url=base_url,
            timeout=_ANSWER_SECONDS,
            max_retries=0,
            http_client=sdk.DefaultHttpxClient(**_transport(tell)),
        )

    def message(self, words: str, *, stream: bool = False) -> None:
        """One question."""
        with suppress(self._sdk.APIStatusError):
            _read(self._client.messages.create(**raw.message(words), stream=stream), stream=stream)

    def batch(self, questions: Sequence[str]) -> None:
        """Creation, polls, results; these by their path, since `batches.results()` goes where the answer's address leads."""
        batches = self._client.messages.batches
        made = batches.create(requests=raw.message_entries(questions))
        _until(lambda: batches.retrieve(made.id), lambda found: found.processing_status == "ended")
        self._client.get(f"/v1/messages/batches/{made.id}/results", cast_to=str)


class SdkGemini:
    """Gemini's API by the package google-genai."""

    def __init__(self, sdk: ModuleType, base_url: str, key: str, tell: Tell) -> None:
        self._refused = import_module(f"{sdk.__name__}.errors").APIError
        options = {"base_url": base_url, "timeout": int(_ANSWER_SECONDS * 1000), "client_args": _transport(tell)}
        self._client = sdk.Client(api_key=key, vertexai=False, http_options=options)

    def generate(self, words: str, *, stream: bool = False) -> None:
        """One question."""
        models = self._client.models
        with suppress(self._refused):
            ask = models.generate_content_stream if stream else models.generate_content
            _read(ask(model="gemini-3-flash", contents=raw.contents(words)), stream=stream)

    def batch(self, questions: Sequence[str]) -> None:
        """Creation, and polls until the answers are there."""
        entries = [
            {"contents": raw.contents(words), "metadata": {"key": f"question-{number}"}}
            for number, words in enumerate(questions, 1)
        ]
        made = self._client.batches.create(model="gemini-3-flash", src=entries)
        _until(lambda: self._client.batches.get(name=made.name), lambda found: found.done)


def _read(answer: Any, *, stream: bool) -> None:
    for _ in answer if stream else ():
        pass
