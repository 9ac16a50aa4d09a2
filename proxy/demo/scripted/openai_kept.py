"""What OpenAI keeps of conversations: responses, chat completions, conversations; and the REST part of realtime."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.demo.scripted.content import Asked, Content, Maker, whole
from proxy.demo.scripted.openai_chat import chat
from proxy.demo.scripted.openai_objects import canceller, getter, lister, new, remover, rows, shown, updater
from proxy.demo.scripted.openai_responses import responses


def respond(asked: Asked) -> Content:
    """POST …/responses; the answer is kept unless `store` says no. What it goes on from must be there."""
    if (before := asked.json.get("previous_response_id")) is not None:
        asked.store.get("response", before)
    conversation = asked.json.get("conversation")
    if conversation is not None:
        asked.store.get("conversation", conversation["id"] if isinstance(conversation, dict) else conversation)
    answer = responses(asked)
    if asked.json.get("store") is not False:
        kept = answer if not answer.streamed else responses(_unstreamed(asked))
        made = msgspec.json.decode(kept.closing[0])
        asked.store.put("response", made["id"], {**made, "_input": asked.json.get("input")})
    return answer


def _unstreamed(asked: Asked) -> Asked:
    return msgspec.structs.replace(asked, json={**asked.json, "stream": False})


def complete(asked: Asked) -> Content:
    """POST …/chat/completions; kept if `store` says so."""
    answer = chat(asked)
    if asked.json.get("store") and not answer.streamed:
        made = msgspec.json.decode(answer.closing[0])
        asked.store.put("chat.completion", made["id"], {**made, "metadata": asked.json.get("metadata") or {}, "_asked": asked.json})
    return answer


def completion_messages(asked: Asked) -> Content:
    """GET …/chat/completions/{id}/messages."""
    found = asked.store.get("chat.completion", asked.named["completion"])
    return rows([{"id": f"{found['id']}-{number}", **one} for number, one in enumerate(found["_asked"]["messages"])])


def response_input(asked: Asked) -> Content:
    """GET …/responses/{id}/input_items."""
    given = asked.store.get("response", asked.named["response"])["_input"]
    texts = [given] if isinstance(given, str) else [str(item.get("content")) for item in given or []]
    return rows([_item(f"msg_in{number}", "user", "input_text", text) for number, text in enumerate(texts)])


def _item(identifier: str, role: str, kind: str, text: str) -> dict[str, Any]:
    part: dict[str, Any] = {"type": kind, "text": text}
    if kind == "output_text":
        part |= {"annotations": [], "logprobs": []}
    return {"id": identifier, "type": "message", "status": "completed", "role": role, "content": [part]}


def _put_items(asked: Asked, conversation: str) -> list[dict[str, Any]]:
    made = []
    for number, item in enumerate(asked.json.get("items") or []):
        role = item.get("role", "user")
        kind = "output_text" if role == "assistant" else "input_text"
        given = item.get("content")
        text = given if isinstance(given, str) else "".join(part.get("text", "") for part in given or [])
        one = _item("msg_" + asked.stamp.hex(f"item{number}"), role, kind, text)
        asked.store.put("item", one["id"], {**one, "_in": conversation})
        made.append(one)
    return made


def conversation(asked: Asked) -> Content:
    """POST …/conversations."""
    made = new(asked, "conversation", "conv_", metadata=asked.json.get("metadata") or {})
    _put_items(asked, made["id"])
    return shown(made)


def items(asked: Asked) -> Content:
    """POST …/conversations/{id}/items."""
    asked.store.get("conversation", asked.named["conversation"])
    return rows(_put_items(asked, asked.named["conversation"]))


def forget(asked: Asked) -> Content:
    """DELETE …/responses/{id}."""
    asked.store.remove("response", asked.named["response"])
    return whole({"id": asked.named["response"], "object": "response", "deleted": True})


def forget_item(asked: Asked) -> Content:
    """DELETE …/conversations/{id}/items/{id}."""
    asked.store.remove("item", asked.named["item"])
    return shown(asked.store.get("conversation", asked.named["conversation"]))


def secret(asked: Asked) -> Content:
    """POST …/realtime/client_secrets."""
    session = {"id": "sess_" + asked.stamp.hex("session"), "object": "realtime.session", **(asked.json.get("session") or {})}
    return whole({"value": "ek_" + asked.stamp.hex("secret", 32), "expires_at": asked.stamp.created + 600, "session": session})


_COMPLETION = "/chat/completions/(?P<completion>[^/]+)"
_RESPONSE = "/responses/(?P<response>[^/]+)"
_CONVERSATION = "/conversations/(?P<conversation>[^/]+)"
_ITEM = _CONVERSATION + "/items/(?P<item>[^/]+)"

ROWS: tuple[tuple[str, str, Maker], ...] = (
    ("POST", "/responses", respond),
    ("POST", _RESPONSE + "/cancel", canceller("response", "response")),
    ("GET", _RESPONSE + "/input_items", response_input),
    ("GET", _RESPONSE, getter("response", "response")),
    ("DELETE", _RESPONSE, forget),
    ("POST", "/chat/completions", complete),
    ("GET", "/chat/completions", lister("chat.completion")),
    ("GET", _COMPLETION + "/messages", completion_messages),
    ("GET", _COMPLETION, getter("chat.completion", "completion")),
    ("POST", _COMPLETION, updater("chat.completion", "completion")),
    ("DELETE", _COMPLETION, remover("chat.completion", "completion")),
    ("POST", "/conversations", conversation),
    ("GET", _CONVERSATION, getter("conversation", "conversation")),
    ("POST", _CONVERSATION, updater("conversation", "conversation")),
    ("DELETE", _CONVERSATION, remover("conversation", "conversation")),
    ("POST", _CONVERSATION + "/items", items),
    ("GET", _CONVERSATION + "/items", lister("item", "conversation")),
    ("GET", _ITEM, getter("item", "item")),
    ("DELETE", _ITEM, forget_item),
    ("POST", "/realtime/client_secrets", secret),
)
