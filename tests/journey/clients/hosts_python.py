"""The SDKs of other hosts, each at its own API in that host's ways (protocol: `recording`; a base URL here is a JSON object).

What a scenario gives is what the SDK's caller sees (`sees`), and in plain words what the record of the exchange must say (`told`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import groq
import httpx
import openai
import perplexity
import together
from mistralai.client import Mistral
from native_hosts import cohere_scenarios, ollama_scenarios
from recording import Scenario, Witness, plain, play

KEY = "sk-journey-hosts"
MODEL = "model-1"
TOKEN = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL3N0cy53aW5kb3dzLm5ldC90ZW5hbnQvIiwic3ViIjoiMGExYiJ9.c2lnbmF0dXJl"
"""Of issuer https://sts.windows.net/tenant/ and subject 0a1b."""

TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
CHAT = {"dialect": "openai", "endpoint": "chat", "model_requested": MODEL, "messages": 2, "inspection": "full"}
RESPONSE = {"dialect": "openai", "endpoint": "responses", "model_requested": MODEL, "messages": 1, "inspection": "full"}
MESSAGE = {"dialect": "anthropic", "endpoint": "messages", "model_requested": MODEL, "messages": 1, "inspection": "full"}


def say(script: str) -> list[dict[str, str]]:
    """A system prompt and a question with its script."""
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"hello [[script: {script}]]"}]


def _said(message: dict[str, Any]) -> tuple[str, str]:
    """Text and thought of a message or a delta, in any host's words."""
    content = message.get("content") or ""
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    if not thought:
        thought = "".join(detail.get("text", "") for detail in message.get("reasoning_details") or [])
    if isinstance(content, list):
        thought += "".join(each["text"] for part in content if part["type"] == "thinking" for each in part["thinking"])
        content = "".join(part["text"] for part in content if part["type"] == "text")
    return content, thought


def _told(pieces: list[tuple[str, str]], finish: str | None, usage: dict[str, Any], **more: Any) -> dict[str, Any]:
    counts = {"input": usage["prompt_tokens"], "output": usage["completion_tokens"]} if usage else {}
    text, thought = ("".join(part) for part in zip(*pieces, strict=True))
    return {"text_chars": len(text), "reasoning_chars": len(thought), "finish": finish, "usage": counts, **more}


def of_chat(answer: dict[str, Any]) -> dict[str, Any]:
    """What a whole chat answer tells."""
    choice = answer["choices"][0]
    return _told([_said(choice["message"])], choice["finish_reason"], answer["usage"], stream=False, **CHAT)


def of_chunks(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """What the chunks of a chat answer tell; the counts stand where the host puts them."""
    choices = [choice for chunk in chunks for choice in chunk["choices"] or ()]
    usages = [chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") for chunk in chunks]
    usages += [choice.get("usage") for choice in choices]
    finish = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    pieces = [_said(choice.get("delta") or {}) for choice in choices]
    return _told(pieces, finish[-1], next((usage for usage in reversed(usages) if usage), {}), stream=True, **CHAT)


class Chat:
    """One host by an SDK in the manner of OpenAI's: `client.chat.completions.create`."""

    def __init__(self, client: Any, witness: Witness, quirk: str) -> None:
        self.client = client.with_options(max_retries=0)
        self.quirk = f" quirk={quirk}" if quirk else ""
        client._client.event_hooks = witness.hooks

    def whole(self, script: str, **more: Any) -> Any:
        """A whole answer."""
        answer = plain(self.client.chat.completions.create(model=MODEL, messages=say(script + self.quirk), **more))
        return {"sees": answer, "told": of_chat(answer)}

    def stream(self, script: str, **more: Any) -> Any:
        """A stream."""
        chunks = self.client.chat.completions.create(model=MODEL, messages=say(script + self.quirk), stream=True, **more)
        seen = [plain(chunk) for chunk in chunks]
        return {"sees": seen, "told": None if "fault" in script else of_chunks(seen)}

    def response(self, script: str, **more: Any) -> Any:
        """The responses API, whole or streamed."""
        given = self.client.responses.create(model=MODEL, input=f"hello [[script: {script}]]", **more)
        seen = [plain(event) for event in given] if more.get("stream") else plain(given)
        last = seen[-1]["response"] if more.get("stream") else seen
        text = "".join(part["text"] for item in last["output"] for part in item.get("content") or [] if "text" in part)
        counts = {"input": last["usage"]["input_tokens"], "output": last["usage"]["output_tokens"]}
        told = {"text_chars": len(text), "finish": "completed", "usage": counts, "stream": bool(more.get("stream")), **RESPONSE}
        return {"sees": seen, "told": told}

    def scenarios(self, *, tools: bool = True) -> dict[str, Scenario]:
        """All that are the same for every host."""
        usage = {"stream_options": {"include_usage": True}} if isinstance(self.client, openai.OpenAI) else {}
        found: dict[str, Scenario] = {
            "chat": lambda: self.whole("words=12"),
            "thought": lambda: self.whole("reasoning"),
            "stream": lambda: self.stream("chunks=5", **usage),
            "stream thought": lambda: self.stream("reasoning chunks=3", **usage),
            "stream by bytes": lambda: self.stream("reasoning chunk_size=3 chunks=2", **usage),
            "refused": lambda: self.whole("status=429"),
            "broken stream": lambda: self.stream("fault=error_event"),
        }
        return found | ({"tool": lambda: self.whole("tool", tools=[TOOL])} if tools else {})


class Messages:
    """One host by Anthropic's SDK."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        self.client = anthropic.Anthropic(api_key=KEY, base_url=base_url, max_retries=0)
        self.client._client.event_hooks = witness.hooks

    def _asked(self, script: str) -> dict[str, Any]:
        return {"model": MODEL, "max_tokens": 99, "messages": [{"role": "user", "content": f"hello [[script: {script}]]"}]}

    def whole(self, script: str) -> Any:
        """A whole message."""
        answer = plain(self.client.messages.create(**self._asked(script)))
        return {"sees": answer, "told": self._told(answer, stream=False)}

    def stream(self, script: str) -> Any:
        """A stream; the SDK puts the message together."""
        with self.client.messages.stream(**self._asked(script)) as events:
            seen = [plain(event) for event in events]
            return {"sees": seen, "told": self._told(plain(events.get_final_message()), stream=True)}

    @staticmethod
    def _told(answer: dict[str, Any], *, stream: bool) -> dict[str, Any]:
        told = {
            "text_chars": sum(len(block.get("text") or "") for block in answer["content"]),
            "reasoning_chars": sum(len(block.get("thinking") or "") for block in answer["content"]),
            "finish": answer["stop_reason"],
            "usage": {"input": answer["usage"]["input_tokens"], "output": answer["usage"]["output_tokens"]},
        }
        return {**told, "stream": stream, **MESSAGE}

    def scenarios(self) -> dict[str, Scenario]:
        """All that are the same for every host."""
        return {
            "messages": lambda: self.whole("reasoning"),
            "messages stream": lambda: self.stream("reasoning chunks=3"),
            "messages refused": lambda: self.whole("status=429"),
        }


class MistralChat:
    """Mistral by its own SDK: chat in parts, agents, and the middle of a text."""

    def __init__(self, base_url: str, witness: Witness) -> None:
        self.client = Mistral(api_key=KEY, server_url=base_url, client=httpx.Client(event_hooks=witness.hooks))

    def whole(self, script: str, **more: Any) -> Any:
        """A whole answer."""
        answer = plain(self.client.chat.complete(model=MODEL, messages=say(script + " quirk=mistral"), **more))
        return {"sees": answer, "told": of_chat(answer)}

    def stream(self, script: str) -> Any:
        """A stream."""
        with self.client.chat.stream(model=MODEL, messages=say(script + " quirk=mistral")) as events:
            seen = [plain(event.data) for event in events]
        return {"sees": seen, "told": of_chunks(seen)}

    def agent(self) -> Any:
        """An agent, whose model and instructions lie with Mistral."""
        answer = plain(self.client.agents.complete(agent_id="ag_1", messages=say("quirk=mistral")))
        known = {"model_requested": "", "model_returned": answer["model"], "inspection": "partial"}
        return {"sees": answer, "told": of_chat(answer) | known}

    def middle(self) -> Any:
        """Fill in the middle: a completion that is answered like a chat."""
        answer = plain(self.client.fim.complete(model=MODEL, prompt="def f( [[script: quirk=mistral]]", suffix="return 1"))
        return {"sees": answer, "told": of_chat(answer) | {"endpoint": "completions", "messages": 0}}

    def scenarios(self) -> dict[str, Scenario]:
        """All of this SDK's."""
        return {
            "chat": lambda: self.whole("words=12", safe_prompt=True, random_seed=7),
            "thought": lambda: self.whole("reasoning"),
            "tool": lambda: self.whole("tool", tools=[TOOL]),
            "stream": lambda: self.stream("chunks=5"),
            "stream thought": lambda: self.stream("reasoning chunks=3"),
            "agent": self.agent,
            "middle": self.middle,
            "refused": lambda: self.whole("status=429"),
        }


def _azure(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """Azure: deployments by key and by token, the newer paths, responses."""
    options: dict[str, Any] = {"azure_endpoint": base_url, "api_version": "2025-04-01-preview"}
    by_key = Chat(openai.AzureOpenAI(api_key=KEY, **options), witness, "azure")
    by_token = Chat(openai.AzureOpenAI(azure_ad_token=TOKEN, **options), witness, "azure")
    newer = Chat(openai.OpenAI(api_key=KEY, base_url=base_url + "/openai/v1"), witness, "azure")
    found = by_key.scenarios() | {f"newer {name}": scenario for name, scenario in newer.scenarios().items()}

    def token() -> Any:
        seen = by_token.stream("chunks=4", stream_options={"include_usage": True})
        return {**seen, "told": seen["told"] | {"principal": "nightly", "credential": "jwt"}}

    return found | {
        "token": token,
        "response": lambda: by_key.response("chunks=3"),
        "newer response": lambda: newer.response("chunks=3"),
    }


def _by_openai(bases: dict[str, str], witness: Witness) -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for host in (
        "xai",
        "deepseek",
        "moonshot",
        "minimax",
        "openrouter",
        "fireworks",
        "vllm",
        "groq openai",
        "cohere openai",
        "ollama openai",
    ):
        quirk = host.partition(" ")[0]
        chat = Chat(openai.OpenAI(api_key=KEY, base_url=bases[host]), witness, quirk)
        scenarios = chat.scenarios()
        if host in ("xai", "openrouter", "vllm", "groq openai", "ollama openai"):
            scenarios |= {"response": lambda chat=chat: chat.response("chunks=3")}
            scenarios |= {"response stream": lambda chat=chat: chat.response("chunks=3", stream=True)}
        found |= _named(host, scenarios)
    return found


def _by_own_sdk(bases: dict[str, str], witness: Witness) -> dict[str, Scenario]:
    clients: dict[str, Callable[..., Any]] = {"groq": groq.Groq, "together": together.Together, "perplexity": perplexity.Perplexity}
    found: dict[str, Scenario] = {}
    for host, client in clients.items():
        chat = Chat(client(api_key=KEY, base_url=bases[host]), witness, host)
        found |= _named(host, chat.scenarios(tools=host != "perplexity"))
        if host == "perplexity":
            found[f"{host}: response"] = lambda chat=chat: chat.response("chunks=3", stream=True)
    return found


def _named(host: str, scenarios: dict[str, Scenario]) -> dict[str, Scenario]:
    return {f"{host}: {name}": scenario for name, scenario in scenarios.items()}


def scenarios(bases: str, witness: Witness) -> dict[str, Scenario]:
    """All scenarios of all hosts; `bases` is a JSON object of base URLs."""
    at: dict[str, str] = json.loads(bases)
    found = _by_openai(at, witness) | _by_own_sdk(at, witness)
    found |= _named("azure", _azure(at["azure"], witness))
    found |= _named("mistral", MistralChat(at["mistral"], witness).scenarios())
    for host in ("deepseek", "moonshot", "minimax", "openrouter", "vllm", "ollama"):
        found |= _named(host, Messages(at[f"{host} anthropic"], witness).scenarios())
    found |= _named("cohere", cohere_scenarios(at["cohere"], witness, KEY))
    return found | _named("ollama", ollama_scenarios(at["ollama"], witness))


if __name__ == "__main__":
    play(scenarios)
