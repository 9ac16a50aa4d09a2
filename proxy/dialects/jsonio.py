r"""Strict inspection of JSON request bodies: what two parsers could read differently is refused, what ours dislikes is flagged.

Refused (`StrictJSONError`): duplicate keys (compared decoded, so `"mod\u0065l"` is `"model"`), bytes that are not UTF-8,
NaN and Infinity, nesting deeper than 64, more objects and arrays than any honest body has, a charset other than UTF-8.
Everything else is forwarded raw: the tree is then a best effort or None, and `flags` says why.

How duplicates are found cheaply: a decoded tree cannot hold any, so a body that is byte for byte the compact encoding of its
own tree has none. Otherwise members in the tree are compared with member separators in the text, first roughly, then exactly.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import msgspec

MAX_DEPTH = 64
MAX_CONTAINERS = 1 << 18
"""Objects and arrays in one body. A tree needs up to 80x the bytes of its text (`[[],[],…`), so this is what bounds memory."""

INT64_MIN = -(1 << 63)
INT64_MAX = (1 << 63) - 1

_MAX_INTEGER_DIGITS = 20
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_BOM = "\ufeff"
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_SEPARATOR = re.compile(rb'"[ \t\r\n]*+:')
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class StrictJSONError(ValueError):
    """A body that must not be forwarded: `status` (400 or 415), `code` (a short word) and a message fit for the client."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Inspected:
    """What a body held: its tree (None when it could not be read) and flags, short words for what kept us from reading it fully."""

    __slots__ = ("flags", "tree")

    def __init__(self, tree: Any, flags: list[str]) -> None:
        self.tree = tree
        self.flags = flags


def inspect_json(raw: bytes, charset: str | None = None) -> Inspected:
    """Inspect a request body.

    Args:
        raw: the decoded (not content-encoded) body; empty gives no tree and no flag.
        charset: the `charset` parameter of the content type, if it had one.

    Raises:
        StrictJSONError: and nothing else, whatever the bytes are.

    """
    if charset is not None and charset.strip(" \"'").lower() not in _UTF8_NAMES:
        raise StrictJSONError(415, "unsupported_charset", "The request body must be UTF-8.")
    if not raw:
        return Inspected(None, [])
    if len(raw) > 2 * MAX_CONTAINERS and raw.count(b"{") + raw.count(b"[") > MAX_CONTAINERS:
        _refuse_too_many(raw)
    try:
        tree = _decode(raw)
    except UnicodeDecodeError:
        _refuse_not_utf8()
    except RecursionError:
        _refuse_depth()
    except msgspec.DecodeError:
        return _inspect_slowly(raw)
    members, oversized = _survey(tree)
    if (oversized or not _is_own_encoding(tree, raw)) and _has_duplicates(raw, members):
        _refuse_duplicate()
    return Inspected(tree, ["integer_beyond_int64"] if oversized else [])


def read_leniently(raw: bytes) -> Any:
    """The tree of an answer's JSON, or None; takes what other parsers take, what is no Unicode is replaced. Never raises."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = raw.decode("utf-8", "replace")
    try:
        return _scrub(json.loads(text, strict=False, parse_int=_bounded_int, parse_float=_bounded_float, parse_constant=_nothing))
    except (ValueError, RecursionError):
        return None


def write_compact(tree: Any) -> str:
    """A tree that was read from an answer as text again, empty when it holds a number that cannot be written. Never raises."""
    try:
        return _encode(tree).decode()
    except (ValueError, OverflowError, TypeError, RecursionError):
        return ""


def _survey(tree: Any) -> tuple[int, bool]:
    """Count the members of all objects, see whether an integer leaves int64; refuse a tree that is too deep."""
    members = depth = 0
    oversized = False
    level = [tree]
    while level:
        below: list[Any] = []
        push = below.append
        nested = False
        for node in level:
            kind = type(node)
            if kind is dict or kind is list:
                nested = True
                if kind is dict:
                    members += len(node)
                for value in node.values() if kind is dict else node:
                    if type(value) is not str:  # texts are most of a body, and of no interest here
                        push(value)
            elif kind is int and not INT64_MIN <= node <= INT64_MAX:
                oversized = True
        depth += nested
        if depth > MAX_DEPTH:
            _refuse_depth()
        level = below
    return members, oversized


def _is_own_encoding(tree: Any, raw: bytes) -> bool:
    # A space after the first separator shows another style of encoder: spare the attempt.
    return b'": ' not in raw[:80] and bool(_encode(tree) == raw)


def _has_duplicates(raw: bytes, members: int) -> bool:
    # Each member has one separator, and texts can only add look-alikes: equal counts leave no room for a lost member.
    if len(_SEPARATOR.findall(raw)) == members:
        return False
    return _STRING.findall(raw).count(b":") != members


def _inspect_slowly(raw: bytes) -> Inspected:
    """The same rules by the standard library, which reads on where ours stops; its recursion is bounded beforehand."""
    if b"\0" in raw[:4]:  # RFC 4627 §3: so UTF-16 and UTF-32 are told, and some servers still do
        _refuse_not_utf8()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        _refuse_not_utf8()
    _check_depth(raw)
    flags: list[str] = []
    if text.startswith(_BOM):
        flags.append("byte_order_mark")
        text = text.removeprefix(_BOM)
    try:
        tree = _SlowReader(flags).read(text)
    except StrictJSONError:
        raise
    except (ValueError, RecursionError):
        return Inspected(None, [*flags, "not_json"])
    scrubbed = _scrub(tree)
    if scrubbed != tree:
        flags.append("lone_surrogate")
    if not flags:
        # What is left of the reasons to stop for: a control character inside a string.
        flags.append("control_character")
    return Inspected(scrubbed, flags)


class _SlowReader:
    """The standard library's parser with our rules hooked in; values that no record can hold become None and leave a flag."""

    def __init__(self, flags: list[str]) -> None:
        self._flags = flags
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._members,
            parse_constant=self._constant,
            parse_int=self._integer,
            parse_float=self._number,
            strict=False,
        )

    def read(self, text: str) -> Any:
        return self._decoder.decode(text)

    def _members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            _refuse_duplicate()
        return members

    def _constant(self, _word: str) -> NoReturn:
        raise StrictJSONError(400, "json_not_a_number", "The request body has NaN or Infinity, which are not JSON.")

    def _integer(self, digits: str) -> int | None:
        value = _bounded_int(digits)
        if value is None:
            self._flag("integer_beyond_int64")
        return value

    def _number(self, digits: str) -> float | None:
        value = _bounded_float(digits)
        if value is None:
            self._flag("number_out_of_range")
        return value

    def _flag(self, word: str) -> None:
        if word not in self._flags:
            self._flags.append(word)


def _bounded_int(digits: str) -> int | None:
    if len(digits) > _MAX_INTEGER_DIGITS:  # int() of a long text is quadratic, and raises beyond 4,300 digits
        return None
    value = int(digits)
    return value if INT64_MIN <= value <= INT64_MAX else None


def _bounded_float(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) != float("inf") else None


def _nothing(_word: str) -> None:
    return None


def _scrub(tree: Any) -> Any:
    """The same tree with `?` for lone surrogates, which no record could be encoded with."""
    return _decode(json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


def _check_depth(raw: bytes) -> None:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            _refuse_depth()


def _refuse_too_many(raw: bytes) -> None:
    bare = _STRING.sub(b"", raw)
    if bare.count(b"{") + bare.count(b"[") > MAX_CONTAINERS:
        raise StrictJSONError(400, "json_too_many_values", f"The request body has more than {MAX_CONTAINERS} objects and arrays.")


def _refuse_duplicate() -> NoReturn:
    raise StrictJSONError(400, "json_duplicate_key", "The request body has an object in which a key occurs twice.")


def _refuse_not_utf8() -> NoReturn:
    raise StrictJSONError(400, "json_not_utf8", "The request body is not valid UTF-8.")


def _refuse_depth() -> NoReturn:
    raise StrictJSONError(400, "json_too_deep", f"The request body is nested deeper than {MAX_DEPTH} levels.")
