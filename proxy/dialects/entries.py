"""Cuts a JSON body that carries queries in an array into that array's entries and the rest, as it is read back.

Each entry is JSON of its own, to be inspected like a direct call's body; the rest, the *skeleton*, is the body with that array
empty. If skeleton and entries are sound JSON without a key twice, so is the whole. Brackets and strings are followed, nothing is
parsed here, so that a body of any size costs no more memory than its longest entry.
"""

from __future__ import annotations

import re

import msgspec

from proxy.dialects.jsonio import MAX_DEPTH
from proxy.dialects.lines import LONGEST, Begin, Carried, Holder

SKELETON_LIMIT = 64 * 1024
"""Bytes of a skeleton that is read; a longer one makes the body unreadable."""

REQUESTS = frozenset({("requests",)})
BATCH = frozenset({("batch", name, "requests", "requests") for name in ("input_config", "inputConfig")})

_TOKEN = re.compile(rb'[ \t\r\n]*+(?:("[^"\\]*+(?:\\.[^"\\]*+)*+")|([{}\[\]:,])|[^ \t\r\n"{}\[\]:,]++)', re.DOTALL)
_MARK = re.compile(rb'["{}\[\],]')
_BRACKET = re.compile(rb'["{}\[\]]')
# To the end of a string; the group is empty where the data ends within it.
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+("?)', re.DOTALL)
_WHITE = re.compile(rb"[ \t\r\n]*+")

_QUOTE, _COMMA, _OPEN_LIST, _CLOSE_LIST, _OPEN, _CLOSE = b'",[]{}'
_SKELETON, _GAP, _BRACKETED, _BARE, _AFTER, _GIVEN_UP = range(6)
_decode = msgspec.json.Decoder(str).decode


class EntryReader:
    """Reads one body. `paths`: where the array may stand, as keys from the top; each place in it is a line.

    `sound` is False where the array is not one of entries parted by commas.
    """

    def __init__(self, begin: Begin, paths: frozenset[tuple[str, ...]], *, longest: int = LONGEST) -> None:
        self.sound = True
        self._holder = Holder(begin, longest)
        self._paths = paths
        self._data = b""
        self._at = 0
        self._base = 0
        self._state = _SKELETON
        self._skeleton: list[bytes] = []
        self._size = 0
        self._keys: list[str] = []
        self._objects: list[bool] = []
        self._key_next = False
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._comma = False

    def feed(self, data: bytes) -> None:
        """See `CarriedReader`."""
        left = self._data[self._at :]
        self._base += self._at
        self._data = left + data if left else data
        self._at = 0

    def next(self) -> Carried | None:
        """See `CarriedReader`."""
        while self._at < len(self._data):
            state = self._state
            if state in (_BRACKETED, _BARE):
                if self._read_entry():
                    return self._holder.end()
            elif state in (_GAP, _AFTER):
                self._read_gap()
            elif not self._read_skeleton():
                return None
        return None

    def finish(self) -> Carried | None:
        """See `CarriedReader`. An entry that the body's end cuts off is one, though not a sound one."""
        if self._state not in (_SKELETON, _GIVEN_UP):
            self.sound = False
        else:
            self._keep(self._data[self._at :])
            self._at = len(self._data)
        return self._holder.end() if self._holder.size else None

    @property
    def skeleton(self) -> bytes | None:
        """After `finish`: the body with the array empty; None when it is longer than `SKELETON_LIMIT`, or the array has no end."""
        return b"".join(self._skeleton) if self._state in (_SKELETON, _GIVEN_UP) and self._size <= SKELETON_LIMIT else None

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= SKELETON_LIMIT:
            self._skeleton.append(piece)
        else:
            self._skeleton.clear()
            self._state = _GIVEN_UP

    def _read_skeleton(self) -> bool:
        """One token; False when it is not whole yet."""
        data, at = self._data, self._at
        if self._state == _GIVEN_UP:
            self._keep(data[at:])
            self._at = len(data)
            return False
        token = _TOKEN.match(data, at)
        if token is None:
            if len(data) - at > SKELETON_LIMIT:
                self._keep(data[at:])
                self._at = len(data)
            return False
        self._at = token.end()
        self._keep(data[at : self._at])
        if token[1]:
            if self._key_next:
                self._keys[-1] = _decoded(token[1])
                self._key_next = False
        elif token[2]:
            self._follow(token[2][0])
        return True

    def _follow(self, mark: int) -> None:
        """Brackets and commas outside of the array."""
        if mark == _OPEN_LIST and tuple(self._keys) in self._paths and not self._key_next:
            self._state, self._comma = _GAP, False
        elif mark in (_OPEN, _OPEN_LIST):
            self._objects.append(mark == _OPEN)
            self._keys.append("")
            self._key_next = mark == _OPEN
            if len(self._keys) > MAX_DEPTH:  # whoever inspects the skeleton will refuse it
                self._state = _GIVEN_UP
        elif mark in (_CLOSE, _CLOSE_LIST):
            if self._objects:
                self._objects.pop()
                self._keys.pop()
            self._key_next = False
        elif mark == _COMMA:
            self._key_next = bool(self._objects) and self._objects[-1]

    def _read_gap(self) -> None:
        """Before an entry or after one."""
        white = _WHITE.match(self._data, self._at)
        assert white is not None
        self._at = at = white.end()
        if at == len(self._data):
            return
        mark = self._data[at]
        if mark == _CLOSE_LIST:
            self.sound = self.sound and not self._comma
            self._at += 1
            self._state = _SKELETON
            self._key_next = False
            self._keep(b"]")
        elif mark == _COMMA:
            self.sound = self.sound and self._state == _AFTER
            self._at += 1
            self._state, self._comma = _GAP, True
        else:
            self.sound = self.sound and self._state == _GAP
            self._comma = False
            self._depth = 0
            self._state = _BRACKETED if mark in (_OPEN, _OPEN_LIST) else _BARE

    def _read_entry(self) -> bool:
        """Bytes of an entry, as far as they are there; True at its end."""
        begin = self._at
        end = self._end_of_entry()
        self._at = len(self._data) if end < 0 else end
        if self._at > begin:
            self._holder.add(self._base + begin, self._data[begin : self._at])
        if end < 0:
            return False
        self._state = _AFTER
        return True

    def _end_of_entry(self) -> int:
        """Where the entry ends, -1 when that is not there yet.

        One that began with a bracket ends with it, another before the next comma or the array's end.
        """
        data, at = self._data, self._at
        bracketed = self._state == _BRACKETED
        marks = _BRACKET if bracketed else _MARK
        while True:
            if self._in_string and (at := self._end_of_string(at)) < 0:
                return -1
            found = marks.search(data, at)
            if found is None:
                return -1
            at = found.end()
            mark = data[at - 1]
            if mark == _QUOTE:
                self._in_string = True
            elif mark in (_OPEN, _OPEN_LIST):
                self._depth += 1
            elif self._depth == 0:
                if mark != _CLOSE:
                    return at - 1
            elif mark != _COMMA:
                self._depth -= 1
                if bracketed and self._depth == 0:
                    return at

    def _end_of_string(self, at: int) -> int:
        """Just behind the string's end, -1 when that is not there yet."""
        data = self._data
        if self._escaped:
            if at == len(data):
                return -1
            at += 1
            self._escaped = False
        found = _STRING.match(data, at)
        assert found is not None
        if found[1]:
            self._in_string = False
            return found.end()
        self._escaped = found.end() < len(data)  # what is left is a lone backslash
        return -1


def _decoded(key: bytes) -> str:
    """A key as it is meant; one that cannot be read is none that we look for, and the skeleton's inspection will tell."""
    try:
        return _decode(key)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
