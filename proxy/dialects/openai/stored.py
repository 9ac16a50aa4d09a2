"""What OpenAI keeps of conversations: responses, chat completions, conversations and their items."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from proxy.core.facts import RequestFacts
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.openai import content, extras, requests
from proxy.dialects.openai.rows import about, asking, no_messages
from proxy.dialects.turns import Turn

Answer = Callable[[str, bool], AnswerReader]


def item_turns(body: Any) -> Iterator[Turn]:
    """The items that are put into a conversation."""
    items = body.get("items") if type(body) is dict else None
    return content.response_turns({"input": items}) if type(items) is list else iter(())


def input_turns(body: Any) -> Iterator[Turn]:
    """The instructions and the inputs of Mistral's conversations: a text, or entries like messages."""
    given = body.get("inputs")
    entries = given if type(given) is list else [{"role": "user", "content": given}]
    if (instructions := body.get("instructions")) is not None:
        entries = [{"role": "system", "content": instructions}, *entries]
    return content.chat_turns({"messages": entries})


def conversation_turns(body: Any) -> Iterator[Turn]:
    """What is put into a conversation, OpenAI's or Mistral's."""
    return input_turns(body) if type(body) is dict and "inputs" in body else item_turns(body)


_read_items = requests.reader({}, item_turns, "items")
_read_inputs = requests.reader(extras.CONVERSATION, input_turns, "inputs")


def _read_conversation(body: Any, path: PathParameters) -> RequestFacts:
    """OpenAI only keeps what it is given here; Mistral, at the same path, answers `inputs`."""
    return (_read_inputs if type(body) is dict and "inputs" in body else _read_items)(body, path)


_read_plain = requests.reader({})

_RESPONSE = "/v1/responses/{response_id}"
_COMPLETION = "/v1/chat/completions/{completion_id}"
_CONVERSATION = "/v1/conversations/{conversation_id}"
_ITEM = _CONVERSATION + "/items/{item_id}"


def response_rows(answer: Answer) -> tuple[Endpoint, ...]:
    """The rows about responses, whose answers are read as those of `/v1/responses`."""

    def kept(name: str, method: str, pattern: str, *, teaches: bool = True) -> Endpoint:
        return Endpoint(name, method, pattern, requests.read_bare, no_messages, answer, teaches=teaches, json_body=False)

    turns = content.response_turns
    return (
        asking("response_compact", "/v1/responses/compact", requests.read_response, turns=turns, teaches=True, answer=answer),
        asking("response_tokens", "/v1/responses/input_tokens", requests.read_response, turns=turns, answer=answer),
        kept("response_cancel", "POST", _RESPONSE + "/cancel"),
        kept("response_input", "GET", _RESPONSE + "/input_items", teaches=False),
        kept("response", "GET", _RESPONSE),
        kept("response_delete", "DELETE", _RESPONSE, teaches=False),
    )


ROWS = (
    about("completions_stored", "GET", "/v1/chat/completions", teaches=True),
    about("completion_messages", "GET", _COMPLETION + "/messages"),
    about("completion_stored", "GET", _COMPLETION, "completion", teaches=True),
    asking("completion_update", _COMPLETION, _read_plain, "completion"),
    about("completion_delete", "DELETE", _COMPLETION),
    asking("conversation_create", "/v1/conversations", _read_conversation, "conversation", turns=conversation_turns, teaches=True),
    asking("conversation_add", _CONVERSATION + "/items", _read_items, turns=item_turns),
    about("conversation_items", "GET", _CONVERSATION + "/items", teaches=True),
    about("conversation_item", "GET", _ITEM, teaches=True),
    about("conversation_remove", "DELETE", _ITEM),
    about("conversation", "GET", _CONVERSATION, "conversation"),
    asking("conversation_update", _CONVERSATION, _read_conversation, "conversation", turns=conversation_turns, teaches=True),
    about("conversation_delete", "DELETE", _CONVERSATION),
)
