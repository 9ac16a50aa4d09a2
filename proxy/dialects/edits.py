"""Members of a JSON body left out or set where they stand: every other byte stays as it came.

The text is edited, not written anew: numbers that our parser would round, members in their order, white space and escapes reach the
upstream as the client wrote them, so that what was received and what was sent differ by the change alone. For bodies that passed
the strict inspection (`dialects.jsonio`): they are JSON, and no object has a name twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

_BLANK = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_PLAIN = re.compile(rb"[^,\]} \t\r\n]++")
_NESTING = re.compile(rb'[^"\[\]{}]*+("|[\[\]{}])')
_OPENING = b"[{"


class EditError(ValueError):
    """A body that cannot be changed as asked; the message says which member."""


class _Member:
    """Where a member stands: its name from `start`, its value from `value` to `end`."""

    __slots__ = ("end", "name", "start", "value")

    def __init__(self, name: str, start: int, value: int, end: int) -> None:
        self.name = name
        self.start = start
        self.value = value
        self.end = end


def edited(body: bytes, drop: Iterable[str], put: Mapping[str, str]) -> bytes:
    """The body without the members `drop` names and with those of `put`, whose values are JSON; paths are dotted.

    Returns the very same object where nothing changes. Raises: EditError when a path leads through what is no object.
    """
    for path in drop:
        body = _without(body, path.split("."))
    for path, value in put.items():
        body = _with(body, path.split("."), value.encode())
    return body


def _without(body: bytes, path: list[str]) -> bytes:
    members = _members(body, _after_blank(body, 0))
    for name in path[:-1]:
        inner = _named(members, name)
        if inner is None or body[inner.value : inner.value + 1] != b"{":
            return body
        members = _members(body, inner.value)
    for at, member in enumerate(members):
        if member.name == path[-1]:
            if at + 1 < len(members):  # up to the next name: the comma between them goes too
                return body[: member.start] + body[members[at + 1].start :]
            start = members[at - 1].end if at else member.start
            return body[:start] + body[member.end :]
    return body


def _with(body: bytes, path: list[str], value: bytes) -> bytes:
    start, end = _after_blank(body, 0), len(body)
    for at, name in enumerate(path):
        if body[start : start + 1] != b"{":
            raise EditError(f"{'.'.join(path[:at]) or 'the body'} is no object")
        members = _members(body, start)
        member = _named(members, name)
        if member is None:
            return _added(body, start, members, path[at:], value)
        start, end = member.value, member.end
    if _same(body[start:end], value):
        return body
    return body[:start] + value + body[end:]


def _added(body: bytes, start: int, members: list[_Member], path: list[str], value: bytes) -> bytes:
    """With a new last member in the object that begins at `start`."""
    for name in reversed(path[1:]):
        value = b"{" + msgspec.json.encode(name) + b":" + value + b"}"
    new = msgspec.json.encode(path[0]) + b":" + value
    if not members:
        return body[: start + 1] + new + body[start + 1 :]
    end = members[-1].end
    return body[:end] + b"," + new + body[end:]


def _named(members: list[_Member], name: str) -> _Member | None:
    return next((member for member in members if member.name == name), None)


def _same(written: bytes, value: bytes) -> bool:
    try:
        return bool(msgspec.json.decode(written) == msgspec.json.decode(value)) and written[:1] == value[:1]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _members(body: bytes, start: int) -> list[_Member]:
    """The members of the object that begins at `start`. Raises: EditError when none does."""
    if body[start : start + 1] != b"{":
        raise EditError("the body is no object")
    found: list[_Member] = []
    at = _after_blank(body, start + 1)
    while body[at : at + 1] == b'"':
        name_end = _end_of_string(body, at)
        value = _after_blank(body, _after_blank(body, name_end) + 1)
        end = _end_of_value(body, value)
        found.append(_Member(_name(body[at:name_end]), at, value, end))
        at = _after_blank(body, end)
        if body[at : at + 1] == b",":
            at = _after_blank(body, at + 1)
    return found


def _name(written: bytes) -> str:
    r"""A name as parsers compare it: `"mod\u0065l"` is `model`."""
    if b"\\" not in written:
        return written[1:-1].decode()
    try:
        return msgspec.json.decode(written, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):  # a lone surrogate, which no path names
        return ""


def _after_blank(body: bytes, at: int) -> int:
    found = _BLANK.match(body, at)
    assert found is not None, "it matches nothing too"
    return found.end()


def _end_of_string(body: bytes, at: int) -> int:
    found = _STRING.match(body, at)
    if found is None:
        raise EditError("the body is not JSON")
    return found.end()


def _end_of_value(body: bytes, at: int) -> int:
    first = body[at : at + 1]
    if first == b'"':
        return _end_of_string(body, at)
    if first in (b"{", b"["):
        return _end_of_container(body, at)
    found = _PLAIN.match(body, at)
    if found is None:
        raise EditError("the body is not JSON")
    return found.end()


def _end_of_container(body: bytes, at: int) -> int:
    depth = 0
    while True:
        found = _NESTING.match(body, at)
        if found is None:
            raise EditError("the body is not JSON")
        mark = found[1]
        if mark == b'"':
            at = _end_of_string(body, found.start(1))
            continue
        at = found.end()
        depth += 1 if mark in _OPENING else -1
        if depth == 0:
            return at
