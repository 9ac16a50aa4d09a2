"""What sampled prompts have in common."""

from __future__ import annotations

import json

from proxy.admin.pages.marking import SLOT, prompt_of, template

PROMPTS = [
    f"Come up with a task about {topic}.\nKeep to {number} lines.\nBe brief."
    for number, topic in enumerate(("bees", "law", "rivers"))
]


def test_what_most_prompts_have_stands_and_the_rest_is_a_slot() -> None:
    """Line ends stay, numbers count as equal; one prompt has nothing in common with anybody."""
    assert template(PROMPTS) == [(SLOT, True), ("Keep to 0 lines.\n", False), ("Be brief.", False)]
    assert template(PROMPTS[:1]) == []


def test_a_prompt_is_read_by_its_dialect() -> None:
    """What the model said is left out; what is no request gives no text."""
    messages = [{"role": role, "content": role} for role in ("system", "user", "assistant")]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    assert prompt_of("openai", "POST", "/v1/chat/completions", body) == "system\nuser"
    assert prompt_of("openai", "POST", "/v1/chat/completions", b"\xff not JSON") == ""
