"""What OpenAI's objects have in common: ids, times, lists, deletions; and those that take their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.demo.scripted.content import Asked, Content, Maker, whole
from proxy.demo.scripted.store import Object

POLL_AFTER = ("openai-poll-after-ms", "10")
"""How long the SDKs' own helpers wait before they ask again."""


def new(asked: Asked, kind: str, prefix: str, **fields: Any) -> Object:
    """A new object of this kind, which is kept."""
    identifier = prefix + asked.stamp.hex(kind + "id")
    made = {"id": identifier, "object": kind, "created_at": asked.stamp.created, **fields}
    return asked.store.put(kind, identifier, made)


def rows(entries: list[Object]) -> Content:
    """A list, as one page."""
    ends = {"first_id": entries[0].get("id"), "last_id": entries[-1].get("id")} if entries else {"first_id": None, "last_id": None}
    return whole({"object": "list", "data": entries, **ends, "has_more": False})


def getter(kind: str, place: str) -> Maker:
    """GET …/{id}: one more poll of what is under way."""

    def get(asked: Asked) -> Content:
        found = asked.store.get(kind, asked.named[place])
        advance(found)
        return shown(found)

    return get


def lister(kind: str, within: str = "") -> Maker:
    """GET …: all of this kind, or of those that stand within what the path names."""

    def listing(asked: Asked) -> Content:
        found = asked.store.all(kind)
        return rows([public(one) for one in found if not within or one.get("_in") == asked.named[within]])

    return listing


def remover(kind: str, place: str, told: str = "") -> Maker:
    """DELETE …/{id}."""

    def remove(asked: Asked) -> Content:
        identifier = asked.named[place]
        asked.store.remove(kind, identifier)
        return whole({"id": identifier, "object": told or f"{kind}.deleted", "deleted": True})

    return remove


def updater(kind: str, place: str) -> Maker:
    """POST …/{id}: replaces members."""

    def update(asked: Asked) -> Content:
        found = asked.store.get(kind, asked.named[place])
        found.update({key: value for key, value in asked.json.items() if value is not None})
        return shown(found)

    return update


def canceller(kind: str, place: str, status: str = "cancelled") -> Maker:
    """POST …/{id}/cancel."""

    def cancel(asked: Asked) -> Content:
        found = asked.store.get(kind, asked.named[place])
        found.pop("_then", None)
        found["status"] = status
        return shown(found)

    return cancel


def later(found: Object, polls: int, then: Callable[[], object]) -> None:
    """Let an object be done after so many polls."""
    found["_polls"], found["_then"] = polls, then


def advance(found: Object) -> None:
    """One poll of an object."""
    then = found.get("_then")
    if then is None:
        return
    if found["_polls"] <= 0:
        del found["_then"]
        then()
    found["_polls"] -= 1


def public(found: Object) -> Object:
    """An object without what only we know."""
    return {key: value for key, value in found.items() if not key.startswith("_")}


def shown(found: Object) -> Content:
    """An object as an answer."""
    content = whole(public(found))
    content.headers = [POLL_AFTER]
    return content
