"""Facts of OpenAI's requests."""

from typing import Any

import pytest

from proxy.core.facts import Message, RequestFacts
from proxy.dialects import by_name
from proxy.dialects.contract import Endpoint, PathParameters


def row(path: str, method: str = "POST") -> Endpoint:
    found = by_name("openai").match(method, path)
    assert found is not None
    return found[0]


def facts(path: str, body: Any, **parameters: Any) -> RequestFacts:
    return row(path).read_request(body, PathParameters(**parameters))


CHAT = "/v1/chat/completions"


def chat(**body: Any) -> RequestFacts:
    return facts(CHAT, {"model": "m", **body})


def test_an_ordinary_chat_is_fully_understood() -> None:
    """Parameters, counts and the end user all come from the body."""
    body = {
        "model": "gpt-4o",
        "stream": True,
        "messages": [{"role": "system", "content": "abc"}, {"role": "user", "content": "hello"}],
        "temperature": 1,
        "top_p": 0.5,
        "n": 3,
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 5,
        "logit_bias": {"1": 1, "2": -1},
        "max_completion_tokens": 99,
        "response_format": {"type": "json_schema", "json_schema": {}},
        "reasoning_effort": "high",
        "tools": [{"type": "function"}],
        "user": "u",
    }
    assert facts(CHAT, body) == RequestFacts(
        model="gpt-4o",
        stream=True,
        messages=2,
        system_chars=3,
        prompt_chars=5,
        temperature=1.0,
        top_p=0.5,
        n=3,
        seed=7,
        logprobs=True,
        top_logprobs=5,
        logit_bias=2,
        max_tokens=99,
        response_format="json_schema",
        reasoning="high",
        tools=1,
        end_user="u",
    )


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_max_tokens_is_read_in_every_spelling(key: str) -> None:
    """Hosts differ in the name."""
    assert chat(**{key: 5}).max_tokens == 5


def test_the_larger_of_two_spellings_counts() -> None:
    """A limit cannot be hidden behind its other name."""
    assert chat(max_tokens=1, max_completion_tokens=900).max_tokens == 900


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"reasoning": {"effort": "low"}}, "low"),
        ({"reasoning": {"max_tokens": 2000}}, "2000"),
        ({"reasoning": {"enabled": True}}, "on"),
        ({"thinking": {"type": "enabled"}}, "enabled"),
        ({"enable_thinking": True}, "on"),
    ],
)
def test_reasoning_is_one_short_word(body: dict[str, Any], word: str) -> None:
    """Effort, budget or a plain on, by whichever parameter a host has."""
    assert chat(**body).reasoning == word


@pytest.mark.parametrize(
    "body",
    [{"user": "u"}, {"safety_identifier": "u"}, {"metadata": {"user_id": "u"}}],
)
def test_the_end_user_is_found_in_each_of_its_places(body: dict[str, Any]) -> None:
    """Any of the three names one."""
    assert chat(**body).end_user == "u"


def test_media_are_counted_and_flagged() -> None:
    """Pictures, sound and files are no text, and the request is then only partly understood."""
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        {"type": "input_audio", "input_audio": {"data": "AA"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    read = chat(messages=[{"role": "user", "content": parts}])
    assert (read.media, read.prompt_chars, read.inspection) == (3, 4, "partial")
    assert read.flags == ["media", "reference"]
    assert read.references == ["file:file-1"]


def test_a_picture_that_lies_elsewhere_is_a_reference() -> None:
    """Its address is not recorded: it may hold a secret."""
    read = chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y?sig=1"}}]}])
    assert "reference" in read.flags
    assert read.references == []


@pytest.mark.parametrize(
    "body",
    [
        {"n": "2"},
        {"temperature": "hot"},
        {"stream": "yes"},
        {"messages": "hello"},
        {"messages": [1]},
        {"messages": [{"role": "king", "content": "x"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"tools": 1},
        {"logit_bias": 3},
        {"model": 4},
        {"seed": 2**63},
    ],
)
def test_a_wrong_type_is_flagged(body: dict[str, Any]) -> None:
    """The request goes on, but a policy can name the flag."""
    assert chat(**body).flags == ["odd_types"]


def test_a_number_written_as_text_still_counts() -> None:
    """Some servers take it, so it must not hide the parameter."""
    assert chat(n="50").n == 50


@pytest.mark.parametrize(
    ("prompt", "prompts", "chars"),
    [("abc", 1, 3), (["abc", "de"], 2, 5), ([1, 2, 3], 1, 0), ([[1, 2], [3]], 2, 0), ([], 0, 0)],
)
def test_prompts_are_counted(prompt: Any, prompts: int, chars: int) -> None:
    """A list of texts or of token lists is many prompts, a list of tokens is one."""
    for path, key in (("/v1/completions", "prompt"), ("/v1/embeddings", "input"), ("/v1/moderations", "input")):
        read = facts(path, {key: prompt})
        assert (read.prompts, read.prompt_chars, read.flags) == (prompts, chars, [])


def test_completions_ask_for_logprobs_by_number() -> None:
    """Even 0 returns those of the sampled tokens."""
    read = facts("/v1/completions", {"prompt": "x", "logprobs": 0})
    assert read.logprobs
    assert read.top_logprobs == 0


def test_a_response_is_read_with_instructions_items_and_references() -> None:
    """Instructions are the system's, items are turns, stored things are references."""
    body = {
        "model": "gpt-5",
        "instructions": "be",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
            {"type": "function_call", "name": "f"},
            {"type": "function_call_output", "output": "42"},
            {"type": "item_reference", "id": "msg_1"},
        ],
        "previous_response_id": "resp_1",
        "conversation": {"id": "conv_1"},
        "text": {"format": {"type": "json_object"}},
        "include": ["message.output_text.logprobs"],
        "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}],
    }
    read = facts("/v1/responses", body)
    assert (read.messages, read.system_chars, read.prompt_chars, read.tools) == (4, 2, 7, 1)
    assert read.logprobs
    assert read.response_format == "json_object"
    assert sorted(read.references) == ["conversation:conv_1", "item:msg_1", "response:resp_1", "vector_store:vs_1"]
    assert read.flags == ["reference"]


def test_a_response_to_a_text_has_one_message() -> None:
    """The input may be a plain text."""
    read = facts("/v1/responses", {"input": "hello"})
    assert (read.messages, read.prompt_chars, read.inspection) == (1, 5, "full")


def test_messages_are_handed_on_with_our_roles() -> None:
    """Developer is system, tool results are the tool's, calls are counted."""
    body = {
        "messages": [
            {"role": "developer", "content": "s"},
            {"role": "assistant", "content": None, "tool_calls": [{}, {}]},
            {"role": "tool", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ]
    }
    assert row(CHAT).read_messages(body) == [
        Message("system", "s"),
        Message("assistant", "", tool_calls=2),
        Message("tool", "a\nb"),
    ]


def test_a_body_that_was_not_read_leaves_what_the_path_says() -> None:
    """Azure names the model in the path."""
    read = facts(CHAT, None, model="gpt-4")
    assert (read.model, read.inspection, read.flags) == ("gpt-4", "none", [])


def test_a_form_is_read_with_its_files() -> None:
    """Values are texts; a file is a medium."""
    read = facts("/v1/images/edits", {"model": "gpt-image-1", "prompt": "a cat", "n": "2", "image": {"bytes": 9}})
    assert (read.model, read.n, read.prompt_chars, read.media, read.flags) == ("gpt-image-1", 2, 5, 1, ["media"])


def test_an_unreadable_form_is_flagged() -> None:
    """That it carries a medium is certain all the same."""
    read = facts("/v1/audio/transcriptions", None)
    assert (read.inspection, read.flags) == ("none", ["media"])


def test_references_are_bounded() -> None:
    """A record cannot be made to grow by references."""
    body = {"input": [{"type": "item_reference", "id": f"i{number}" * 200} for number in range(500)]}
    read = facts("/v1/responses", body)
    assert len(read.references) == 64
    assert max(map(len, read.references)) == 256
    assert "many_references" in read.flags


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"logprobs": 5}, {"logprobs": True, "top_logprobs": 5}),
        ({"logprobs": True, "top_logprobs": 2, "prompt_logprobs": 4}, {"logprobs": True, "top_logprobs": 4}),
        ({"reasoning_effort": 2048}, {"reasoning": "2048"}),
        ({"reasoning_effort": False}, {"reasoning": "off"}),
        ({"chat_template_kwargs": {"enable_thinking": False, "other": 1}}, {"reasoning": "off"}),
        ({"guided_regex": "[0-9]+"}, {"response_format": "regex"}),
        ({"structured_outputs": {"choice": ["a", "b"]}}, {"response_format": "choice"}),
        ({"random_seed": 7}, {"seed": 7}),
        ({"model": None, "models": ["a/one", "b/two"]}, {"model": "a/one", "flags": ["several_models"]}),
        ({"preset": "mine"}, {"references": ["preset:mine"], "flags": ["reference"]}),
        ({"model": None, "agent_id": "ag_1"}, {"references": ["agent:ag_1"], "flags": ["reference"]}),
        ({"data_sources": [{"parameters": {"key": "secret"}}]}, {"flags": ["reference"], "references": []}),
        ({"top_k": 3, "safe_prompt": True, "search_parameters": {"mode": "on"}, "options": {}}, {"inspection": "full"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_other_hosts_parameters_become_the_same_facts(body: dict[str, Any], told: dict[str, Any]) -> None:
    """What OpenAI does not know is read where it stands for a fact we have, and no oddity where it stands for none."""
    found = chat(**body)
    assert {name: getattr(found, name) for name in told} == told
    assert "odd_types" not in found.flags


def test_thoughts_that_are_given_back_are_part_of_the_prompt() -> None:
    """DeepSeek and Moonshot want them beside the content, Mistral among its parts."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]
    found = chat(
        messages=[{"role": "assistant", "content": "a", "reasoning_content": "hm"}, {"role": "assistant", "content": parts}]
    )
    assert (found.prompt_chars, found.media, found.inspection) == (6, 0, "full")


def test_a_deployment_in_the_path_is_the_model() -> None:
    """Azure serves the deployment that the path names, whatever the body says."""
    assert facts("/openai/deployments/mine/chat/completions", {"model": "other", "messages": []}, model="mine").model == "mine"


@pytest.mark.parametrize(
    ("path", "body", "prompts", "chars"),
    [
        ("/v1/rerank", {"model": "m", "query": "ab", "documents": ["c", "d"]}, 2, 4),
        ("/v1/score", {"model": "m", "text_1": "ab", "text_2": ["c", "d"]}, 1, 4),
        ("/tokenize", {"model": "m", "prompt": "abcd"}, 1, 4),
        ("/tokenize", {"model": "m", "messages": [{"role": "user", "content": "abcd"}]}, 1, 4),
        ("/pooling", {"model": "m", "input": ["ab", "cd"]}, 2, 4),
        ("/v1/fim/completions", {"model": "m", "prompt": "ab", "suffix": "cd"}, 1, 4),
    ],
)
def test_rankers_and_tokenisers_are_counted(path: str, body: dict[str, Any], prompts: int, chars: int) -> None:
    """Their texts are prompts, wherever they stand."""
    found = facts(path, body)
    assert (found.model, found.prompts, found.prompt_chars, found.inspection) == ("m", prompts, chars, "full")


def test_a_mistral_conversation_is_no_mere_keeping() -> None:
    """At the path where OpenAI keeps items Mistral answers inputs: they are a prompt, and a flag says that a model was asked."""
    body = {
        "model": "m",
        "inputs": "hello",
        "instructions": "be",
        "stream": True,
        "completion_args": {"temperature": 0.5, "max_tokens": 9},
    }
    for path in ("/v1/conversations", "/v1/conversations/conv_1"):
        found = facts(path, body)
        assert (found.model, found.stream, found.messages, found.prompt_chars, found.system_chars) == ("m", True, 1, 5, 2)
        assert (found.temperature, found.max_tokens, found.flags, found.inspection) == (0.5, 9, ["generates"], "partial")
    assert facts("/v1/conversations", {"items": [{"type": "message", "role": "user", "content": "hi"}]}).flags == []
    assert facts("/v1/conversations", {"inputs": [{"role": "user", "content": "hello"}], "agent_id": "ag"}).references == [
        "agent:ag"
    ]
