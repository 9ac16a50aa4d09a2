"""The signal `answers` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

import pytest

from proxy.core.facts import Message, RequestFacts
from proxy.detection.records import Wishes, observe
from tests.unit.detection.traffic import asked, bare, terms_after


def test_lengths() -> None:
    """Long answers count as long, labels as tiny, and what is not known as neither."""
    assert terms_after(bare(40, output_tokens=400))["long_answers"] > 0.9
    assert terms_after(bare(40, output_tokens=3))["tiny"] > 0.9
    unknown = terms_after(bare(40, output_tokens=0))
    assert 0 < unknown["long_answers"] < 0.5
    assert unknown["tiny"] == 0


def test_hollow_prompts() -> None:
    """Long answers to hardly any prompt are a harvest of the model's own distribution; a greeting that gets a word is not."""
    assert terms_after([asked("", n, output_tokens=300) for n in range(60)])["hollow"] > 0.9
    assert terms_after([asked("Hi", n, output_tokens=24) for n in range(60)])["hollow"] == 0


def test_a_template_of_chat_is_no_prompt() -> None:
    """A turn of the user that is opened and left empty says nothing; one with a word in it does."""
    opened = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
    assert terms_after([asked(opened, n, prompt_chars=len(opened)) for n in range(60)])["hollow"] > 0.9
    asks = opened + "Why is the sky blue?<|eot_id|>"
    assert terms_after([asked(asks, n, prompt_chars=len(asks)) for n in range(60)])["hollow"] == 0


@pytest.mark.parametrize(("begun", "hollow"), [("<|im_start|>user\n", 1.0), ("Dear customer, thank you for", 0.0)])
def test_an_opened_turn_in_the_mouth_of_the_model_is_no_prompt(begun: str, hollow: float) -> None:
    """Magpie by an API: the mark of a user's turn as an assistant's message, and questions of a sentence come back."""
    messages = [Message("assistant", begun)]
    seen = [observe("c", float(n), "chat", RequestFacts(model="m", prompt_chars=len(begun)), messages, Wishes()) for n in range(60)]
    for each in seen:
        each.output_tokens = 24
    assert terms_after(seen)["hollow"] == hollow


def test_answers_that_are_not_known_yet() -> None:
    """Lines of a batch that leave room for long answers are taken to want them."""
    unknown = terms_after(bare(40, output_tokens=0))["long_answers"]
    assert terms_after(bare(40, output_tokens=0, max_tokens=4096))["long_answers"] > unknown + 0.3
    assert terms_after(bare(40, output_tokens=0, max_tokens=64))["long_answers"] == unknown


def test_limits_with_room() -> None:
    """A limit of thousands of tokens leaves room for anything; a tight one and none at all do not, nor one that had to be given."""
    assert terms_after(bare(40, max_tokens=4096))["room"] == 1
    assert terms_after(bare(40, max_tokens=4096, output_tokens=0))["room"] == 1
    assert terms_after(bare(40, max_tokens=500))["room"] == terms_after(bare(40))["room"] == 0
    assert terms_after(bare(40, max_tokens=4096, endpoint="messages"))["room"] == 0
    assert terms_after(bare(40, max_tokens=16000, endpoint="messages"))["room"] == 1
