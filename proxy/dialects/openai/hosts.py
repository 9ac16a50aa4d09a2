"""Endpoints that OpenAI does not have and hosts that speak its dialect do: one row each, in the order in which they are tried.

Conversations and completions are read like OpenAI's own. Of tasks that make no text (ranking, scoring, tokenising, classifying) the
prompts are counted; their answers hold only numbers, so they teach nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import PathParameters
from proxy.dialects.gathering import Gathering
from proxy.dialects.openai import content, requests
from proxy.dialects.openai.chat import read_chat
from proxy.dialects.turns import Turn


class Row(NamedTuple):
    """`answers` names the family whose reader takes the answer: `chat`, `later` (a chat's, once there is one), `responses`, `task`,
    or `bulky` for vectors.
    """

    name: str
    pattern: str
    read: Callable[[Any, PathParameters], RequestFacts]
    turns: Callable[[Any], Iterator[Turn]]
    answers: str
    teaches: bool = True
    method: str = "POST"


def _nothing(_body: Any) -> Iterator[Turn]:
    return iter(())


def _later(body: Any) -> Any:
    return body.get("request") if type(body) is dict else None


def _read_later(body: Any, path: PathParameters) -> RequestFacts:
    """A chat request inside another, to be answered when somebody asks for it."""
    return requests.read_chat(_later(body), path)


def _later_turns(body: Any) -> Iterator[Turn]:
    return content.chat_turns(_later(body))


def read_later(gathering: Gathering, tree: Any) -> None:
    """Take in what there is of such a chat: its id, and its answer in `response` once it is there."""
    if type(tree) is not dict:
        gathering.seen.unread = True
        return
    answer = tree.get("response")
    read_chat(gathering, answer if type(answer) is dict else {})
    gathering.names(tree.get("model"), tree.get("id"))


ROWS = (
    Row("completions", "/v1/fim/completions", requests.read_completion, content.prompt_turns, "chat"),  # Mistral
    Row("chat", "/v1/agents/completions", requests.read_chat, content.chat_turns, "chat"),  # Mistral
    Row("chat", "/v1/text/chatcompletion_v2", requests.read_chat, content.chat_turns, "chat"),  # MiniMax
    Row("chat", "/v1/sonar", requests.read_chat, content.chat_turns, "chat"),  # Perplexity
    Row("responses", "/v1/agent", requests.read_response, content.response_turns, "responses"),  # Perplexity
    Row("chat_deferred", "/v1/chat/deferred-completion/{completion_id}", requests.read_bare, _nothing, "chat", method="GET"),  # xAI
    Row("chat_later", "/async/chat/completions", _read_later, _later_turns, "later"),  # Perplexity
    Row(
        "chat_deferred", "/async/chat/completions/{completion_id}", requests.read_bare, _nothing, "later", method="GET"
    ),  # Perplexity
    Row("moderations", "/v1/chat/moderations", requests.read_input, content.prompt_turns, "task", teaches=False),  # Mistral
    Row("rerank", "/v1/rerank", requests.read_ranking, content.ranking_turns, "task", teaches=False),  # Together, Cohere, vLLM
    Row("score", "/v1/score", requests.read_ranking, content.ranking_turns, "task", teaches=False),  # vLLM
    Row("pooling", "/v1/pooling", requests.read_input, content.prompt_turns, "bulky", teaches=False),  # vLLM
    Row("classify", "/v1/classify", requests.read_input, content.prompt_turns, "task", teaches=False),  # vLLM
    Row("tokenize", "/v1/tokenize", requests.read_tokens, content.any_turns, "bulky", teaches=False),  # vLLM
    Row("detokenize", "/v1/detokenize", requests.read_tokens, content.any_turns, "bulky", teaches=False),  # vLLM
)
