"""Parameters that other hosts add to OpenAI's, and the readers they share with its own.

Hosts' own sampling knobs (`top_k`, `min_p`, `safe_prompt`, `prompt_truncate_len`, `search_parameters` …) stand for no fact and are
left to the content.
"""

from __future__ import annotations

from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.gathering import WORD_LIMIT
from proxy.dialects.parameters import Reader, as_integer, budget, flag, odd, reference, text, within

_set_format = text("response_format")
_set_reasoning = text("reasoning")


def effort(facts: RequestFacts, value: Any) -> None:
    """A word; Fireworks takes a number of tokens and a switch as well."""
    if type(value) is bool:
        facts.reasoning = "on" if value else "off"
    elif type(value) is int:
        budget(facts, value)
    else:
        _set_reasoning(facts, value)


def thinking_switch(facts: RequestFacts, value: Any) -> None:
    """Whether to think, where no effort says how much."""
    if facts.reasoning is None:
        facts.reasoning = "on" if value is True else "off"


def logprob_count(facts: RequestFacts, value: Any) -> None:
    """A switch, or a number (completions, Together's and Fireworks' chat), where even 0 asks for the sampled tokens' own."""
    if type(value) is bool:
        facts.logprobs = facts.logprobs or value
    elif (wanted := as_integer(facts, value)) is not None:
        facts.logprobs = True
        facts.top_logprobs = max(wanted, facts.top_logprobs or 0)


def top_logprobs(facts: RequestFacts, value: Any) -> None:
    """Responses has no other switch; in chat it comes beside `logprobs`, without which it is refused."""
    if (wanted := as_integer(facts, value)) is not None:
        facts.top_logprobs = max(wanted, facts.top_logprobs or 0)
    if facts.top_logprobs:
        facts.logprobs = True


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


def hidden(reason: str) -> Reader:
    """Something that the model sees and the request does not show."""

    def read(facts: RequestFacts, value: Any) -> None:  # noqa: ARG001 - it may hold keys of its own
        flag(facts, reason)

    return read


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
