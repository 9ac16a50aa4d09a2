"""What docs/coverage.md says of each upstream, in the order of the page; base URLs of the built-in ones come from the settings.

`bases` are what clients are given in place of the host's own base URL, after the gateway's address, each with a path that its SDK
adds and the dialect in which that is read: a test asks the dialects whether it is so.
"""

from __future__ import annotations

from typing import NamedTuple


class Base(NamedTuple):
    """`/groq/v1`, to which an SDK adds `/chat/completions`, which is read as `openai`."""

    base: str
    adds: str
    dialect: str


class Host(NamedTuple):
    """`address` stands for a base URL that has to be configured; `unread` says what is recorded and no more."""

    name: str
    bases: tuple[Base, ...]
    unread: str = ""
    address: str = ""


CHAT, RESPONSES, MESSAGES = "/chat/completions", "/responses", "/v1/messages"


def _openai(base: str, adds: str = CHAT) -> Base:
    return Base(base, adds, "openai")


def _anthropic(base: str) -> Base:
    return Base(base, MESSAGES, "anthropic")


HOSTS = (
    Host("openai", (_openai("/openai/v1"),)),
    Host("anthropic", (_anthropic("/anthropic"),)),
    Host("gemini", (Base("/gemini", "/v1beta/models/m:generateContent", "gemini"), _openai("/gemini/v1beta/openai"))),
    Host("xai", (_openai("/xai/v1"), _anthropic("/xai")), "citations; gRPC is not carried"),
    Host("deepseek", (_openai("/deepseek"), _openai("/deepseek/beta"), _anthropic("/deepseek/anthropic"))),
    Host(
        "mistral",
        (_openai("/mistral", "/v1" + CHAT), _openai("/mistral/v1")),
        "answers of conversations (asked: the flag `generates`); OCR, libraries, batch jobs",
    ),
    Host(
        "moonshot",
        (_openai("/moonshot/v1"), _anthropic("/moonshot/anthropic")),
        "token estimates; China: `base_url: https://api.moonshot.cn`",
    ),
    Host(
        "minimax",
        (_openai("/minimax/v1"), _openai("/minimax/v1", "/text/chatcompletion_v2"), _anthropic("/minimax/anthropic")),
        "speech, music, video; thoughts inside `<think>` count as text; China: `base_url: https://api.minimaxi.com`",
    ),
    Host(
        "cohere",
        (_openai("/cohere/compatibility/v1"), Base("/cohere", "/v2/rerank", "openai")),
        "its own `/v1/…` and `/v2/…` but for rerank",
    ),
    Host(
        "openrouter",
        (_openai("/openrouter/v1"), _openai("/openrouter/v1", RESPONSES), _anthropic("/openrouter")),
        "which provider answered; generation statistics",
    ),
    Host("groq", (_openai("/groq/v1"), _openai("/groq", "/openai/v1" + CHAT)), "tools that Groq ran itself"),
    Host("together", (_openai("/together/v1"), _openai("/together", "/v1" + CHAT))),
    Host(
        "fireworks",
        (_openai("/fireworks/v1"), _openai("/fireworks", "/inference/v1" + CHAT), _anthropic("/fireworks")),
        "accounts, deployments and data sets, which lie outside `/inference`, are not reached",
    ),
    Host("perplexity", (_openai("/perplexity"), _openai("/perplexity/v1", RESPONSES)), "search, citations"),
    Host(
        "azure",
        (
            _openai("/azure", "/openai/deployments/m" + CHAT),
            _openai("/azure", "/openai/responses"),
            _openai("/azure/openai/v1"),
            _anthropic("/azure/anthropic"),
        ),
        "verdicts of content filters, searches in one's own data; Foundry's other models: `base_url: https://NAME.services.ai.azure.com`",
        "https://NAME.openai.azure.com",
    ),
    Host(
        "ollama",
        (Base("/ollama", "/api/chat", "ollama"), _openai("/ollama/v1"), _anthropic("/ollama")),
        "pulling, creating and deleting models",
        "http://127.0.0.1:11434",
    ),
    Host(
        "vllm",
        (_openai("/vllm/v1"), _openai("/vllm/v1", RESPONSES), _openai("/vllm", "/tokenize"), _anthropic("/vllm")),
        "tokens as such (`/inference/v1/generate`), rendering, adapters",
        "http://127.0.0.1:8000",
    ),
)
