"""Parameters that other hosts add to OpenAI's.

Hosts' own sampling knobs (`top_k`, `min_p`, `safe_prompt`, `prompt_truncate_len`, `search_parameters` …) stand for no fact and are
left to the content.
"""

from __future__ import annotations

from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.gathering import WORD_LIMIT
from proxy.dialects.parameters import (
    Reader,
    budget,
    effort,
    flag,
    hidden,
    integer,
    logprob_count,
    number,
    odd,
    reference,
    size,
    switch,
    text,
    thinking_switch,
    top_logprobs,
    within,
)

_set_format = text("response_format")


def _guided(kind: str) -> Reader:
    """A parameter whose presence says what form the answer takes."""

    def read(facts: RequestFacts, value: Any) -> None:  # noqa: ARG001 - the schema itself is content
        facts.response_format = kind

    return read


def _structured(facts: RequestFacts, value: Any) -> None:
    """`{"json": {…}}`, `{"regex": "…"}`, `{"choice": […]}`, `{"grammar": "…"}`."""
    if type(value) is dict and value:
        _set_format(facts, next((key for key in ("json", "regex", "choice", "grammar") if value.get(key)), "structured"))
    elif type(value) is not dict:
        odd(facts)


def _candidates(facts: RequestFacts, value: Any) -> None:
    """Models to be tried in order. The first one stands for the request, the flag tells that another may answer."""
    names = [name for name in value if type(name) is str] if type(value) is list else []
    if not names:
        odd(facts)
        return
    if facts.model is None:
        facts.model = names[0][:WORD_LIMIT]
    flag(facts, "several_models")


SAMPLING: dict[str, Reader] = {
    "models": _candidates,  # OpenRouter
    "preset": reference("preset"),  # OpenRouter, Perplexity: a prompt and parameters kept by the host
    "guided_json": _guided("json"),  # vLLM, as are all up to prompt_embeds
    "guided_regex": _guided("regex"),
    "guided_choice": _guided("choice"),
    "guided_grammar": _guided("grammar"),
    "structured_outputs": _structured,
    "prompt_logprobs": logprob_count,  # Mistral too
    "top_prompt_logprobs": top_logprobs,
    "prompt_embeds": hidden("opaque_prompt"),
}
"""Of chat and completions."""

CHAT: dict[str, Reader] = {
    "reasoning_effort": effort,
    "enable_thinking": thinking_switch,
    "thinking_budget": budget,
    "chat_template_kwargs": within({"enable_thinking": thinking_switch, "thinking": thinking_switch}),  # vLLM, Together
    "agent_id": reference("agent"),  # Mistral: model and instructions are the agent's
    "thread_id": reference("thread"),  # Perplexity
    "data_sources": hidden("reference"),  # Azure's own-data search
}

CONVERSATION: dict[str, Reader] = {
    "inputs": hidden("generates"),  # what OpenAI's do not: the answer holds outputs of a model, which are not read
    "model": text("model"),
    "stream": switch("stream"),
    "agent_id": reference("agent"),
    "tools": size("tools"),
    "completion_args": within(
        {
            "temperature": number("temperature"),
            "top_p": number("top_p"),
            "max_tokens": integer("max_tokens"),
            "random_seed": integer("seed"),
            "reasoning_effort": effort,
        }
    ),
}
"""Of Mistral's conversations."""
