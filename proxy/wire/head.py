"""Strict HTTP/1.1 heads: from bytes to what the next step needs, or a refusal; and the rules of which fields travel on. Pure.

One grammar for both directions (RFC 9112 §2-6), stricter than the RFC allows wherever two readers could disagree: no bare LF, no
folded lines, no white space before the colon, one Host, one Content-Length, never two framings, `chunked` alone as transfer coding.
The bytes of every field line that travels on are kept exactly as they came.
"""

from __future__ import annotations

import re

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
_METHOD = rb"[A-Z][!#$%&'*+\-.^_`|~0-9A-Z]*"  # no small letters: some servers take `post` for POST
_TARGET = rb"[\x21\x22\x24-\x7e]+"  # no fragment (RFC 9112 §3.2): some servers cut it off, so that another path is left
_REQUEST_LINE = re.compile(rb"(" + _METHOD + rb") (" + _TARGET + rb") HTTP/1\.([01])\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: " + _VALUE + rb")?\r\n")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):(" + _VALUE + rb")")

HOP_BY_HOP = frozenset(
    [
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ]
)  # RFC 9110 §7.6.1

# What says who and where a client is, in front of us or behind us, is not an upstream's business; Host, Content-Length and
# Accept-Encoding are said anew for it.
_PRIVATE = frozenset(
    [
        b"host",
        b"expect",
        b"cookie",
        b"cookie2",
        b"forwarded",
        b"via",
        b"x-real-ip",
        b"x-http-method-override",  # would make a request another one than was judged and recorded
        b"x-http-method",
        b"x-method-override",
        b"content-length",
        b"accept-encoding",
        b"true-client-ip",
        b"cf-connecting-ip",
        b"traceparent",
        b"tracestate",
        b"baggage",
    ]
)
_REQUEST_DROPPED = HOP_BY_HOP | _PRIVATE
_RESPONSE_DROPPED = HOP_BY_HOP | {b"set-cookie", b"set-cookie2"}
_SINGLE_IN_REQUESTS = frozenset(
    [
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"content-encoding",
        b"expect",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"x-tos-key",
        b"x-tos-purpose",
    ]
)
_SINGLE_IN_RESPONSES = frozenset([b"content-length", b"transfer-encoding"])

_KNOWN_LINES = 2048
_LONGEST_KNOWN = 256


class _Field:
    """A field line that was judged once: clients and providers send the same lines again and again."""

    __slots__ = ("line", "name", "single", "travels", "value")

    def __init__(self, name: bytes, value: bytes, line: bytes, *, travels: bool, single: bool) -> None:
        self.name = name
        self.value = value
        self.single = single
        self.travels = travels
        self.line = line


class _Judge:
    """Judges the field lines of one direction, and remembers its judgements up to a bound."""

    __slots__ = ("_dropped", "_prefixes", "_single", "known")

    def __init__(self, dropped: frozenset[bytes], prefixes: tuple[bytes, ...], single: frozenset[bytes]) -> None:
        self._dropped = dropped
        self._prefixes = prefixes
        self._single = single
        self.known: dict[bytes, _Field] = {}

    def judge(self, line: bytes) -> _Field:
        """Raises: BadHeadError when it is no field."""
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BadHeadError("a header field is malformed")
        name = match[1].lower()
        travels = name not in self._dropped and not name.startswith(self._prefixes)
        field = _Field(name, match[2].strip(b" \t"), line, travels=travels, single=name in self._single)
        if len(line) <= _LONGEST_KNOWN:
            if len(self.known) >= _KNOWN_LINES:
                self.known.clear()
            self.known[line] = field
        return field


_REQUEST_FIELDS = _Judge(_REQUEST_DROPPED, (b"x-tos-", b"x-forwarded-"), _SINGLE_IN_REQUESTS)
_RESPONSE_FIELDS = _Judge(_RESPONSE_DROPPED, (b"x-tos-",), _SINGLE_IN_RESPONSES)


# A field that is read here and stripped for the next hop would make two messages of one.
_INTERPRETED = frozenset(
    [
        b"host",
        b"content-type",
        b"content-encoding",
        b"content-length",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
    ]
)


class BadHeadError(Exception):
    """A head that is not taken. `status` is what its sender is told.

    Never a 5xx, not even 501 or 505 (RFC 9112 §6.1, RFC 9110 §15.6.6): SDKs would send the same again.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class _Head:
    """What both directions share.

    `values`: lower-case names to stripped values, repeated ones joined by commas (RFC 9110 §5.3); `lines`: the
    fields that travel on, each line as it came, without CRLF.
    """

    __slots__ = ("chunked", "keep_alive", "length", "lines", "minor", "values")

    def __init__(self, minor: int, values: dict[bytes, bytes], lines: list[bytes]) -> None:
        self.minor = minor
        self.values = values
        self.chunked, self.length = _framing(values, minor)
        self.lines = lines
        self.keep_alive = minor == 1
        if b"connection" in values:
            named, self.keep_alive = _connection(values[b"connection"], minor)
            if not _INTERPRETED.isdisjoint(named) or any(name.startswith(b"x-tos-") for name in named):
                raise BadHeadError("Connection must not name a field that says what the message is")
            self.lines = [line for line in lines if _name(line) not in named]

    def forwarded(self, also_dropped: frozenset[bytes] = frozenset()) -> list[bytes]:
        """The lines that travel on, without CRLF, less `also_dropped`."""
        if not also_dropped:
            return self.lines
        return [line for line in self.lines if _name(line) not in also_dropped]


class RequestHead(_Head):
    """A request's head. `length` is the body's in bytes, None when chunked."""

    __slots__ = ("expects_continue", "method", "raw_method", "target")

    def __init__(self, method: bytes, target: bytes, minor: int, values: dict[bytes, bytes], lines: list[bytes]) -> None:
        super().__init__(minor, values, lines)
        self.raw_method = method
        self.method = method.decode("ascii")
        self.target = target
        if self.length is None and not self.chunked:
            self.length = 0
        expect = values.get(b"expect")
        if expect is not None and expect.lower() != b"100-continue":
            raise BadHeadError("Expect can only be 100-continue", 417)
        self.expects_continue = expect is not None and minor == 1
        if minor == 1 and not values.get(b"host"):
            raise BadHeadError("Host is missing")


class ResponseHead(_Head):
    """A response's head; `line` is its status line without CRLF.

    `length` None: until `chunked` ends or, when not chunked either, until the connection does.
    """

    __slots__ = ("line", "status")

    def __init__(self, line: bytes, minor: int, status: int, values: dict[bytes, bytes], lines: list[bytes]) -> None:
        super().__init__(minor, values, lines)
        self.line = line
        self.status = status


def parse_request_head(head: bytes, max_fields: int) -> RequestHead:
    """Parse a head that ends with an empty line.

    Raises: BadHeadError (400, 417, 431) naming what is wrong.
    """
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise BadHeadError(_what_is_wrong(head))
    method, target, minor = line.groups()
    if target[0] != 0x2F:
        raise BadHeadError("the request target must be a path")
    values, lines = _fields(head, line.end(), max_fields, _REQUEST_FIELDS)
    return RequestHead(method, target, minor[0] - 48, values, lines)


def parse_response_head(head: bytes, max_fields: int) -> ResponseHead:
    """Parse an upstream's head that ends with an empty line.

    Raises: BadHeadError; its status is not meant for a client.
    """
    line = _STATUS_LINE.match(head)
    if line is None:
        raise BadHeadError("not an HTTP/1 status line")
    values, lines = _fields(head, line.end(), max_fields, _RESPONSE_FIELDS)
    minor, status = line.groups()
    return ResponseHead(head[: line.end() - 2], minor[0] - 48, int(status), values, lines)


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()


def _what_is_wrong(head: bytes) -> str:
    first = head.split(b"\r\n", 1)[0]
    if re.fullmatch(rb".* HTTP/[0-9]\.[0-9]", first) and not first.endswith((b"HTTP/1.1", b"HTTP/1.0")):
        return "only HTTP/1.1 and HTTP/1.0 are spoken here"
    return "not an HTTP request line"


def _fields(head: bytes, start: int, max_fields: int, judge: _Judge) -> tuple[dict[bytes, bytes], list[bytes]]:
    """(the values by name, the lines that travel on). A second field of a name that must be single is refused."""
    values: dict[bytes, bytes] = {}
    lines: list[bytes] = []
    known = judge.known
    split = head[start:-4].split(b"\r\n") if len(head) - start > 4 else []
    if len(split) > max_fields:
        raise BadHeadError(f"more than {max_fields} header fields", 431)
    for line in split:
        field = known.get(line) or judge.judge(line)
        name = field.name
        if name not in values:
            values[name] = field.value
        elif field.single:  # two readers would pick differently
            raise BadHeadError(f"{name.decode('ascii')} occurs twice")
        else:
            values[name] += b", " + field.value
        if field.travels:
            lines.append(field.line)
    return values, lines


def _framing(values: dict[bytes, bytes], minor: int) -> tuple[bool, int | None]:
    """(chunked, length). RFC 9112 §6.3; a message with both, or a coding other than plain `chunked`, is not taken."""
    length = values.get(b"content-length")
    if b"transfer-encoding" in values:
        if values[b"transfer-encoding"].lower() != b"chunked":
            raise BadHeadError("the only transfer coding taken is chunked")
        if length is not None:
            raise BadHeadError("Transfer-Encoding and Content-Length exclude each other")
        if minor == 0:
            raise BadHeadError("HTTP/1.0 has no Transfer-Encoding")
        return True, None
    if length is None:
        return False, None
    if not length.isdigit() or len(length) > 15:
        raise BadHeadError("Content-Length is not a number")
    return False, int(length)


def _connection(value: bytes, minor: int) -> tuple[frozenset[bytes], bool]:
    """(field names that Connection claims for this hop, whether the connection stays open)."""
    names = frozenset(name.strip(b" \t") for name in value.lower().split(b","))
    if b"close" in names:
        return names, False
    return names, minor == 1 or b"keep-alive" in names
