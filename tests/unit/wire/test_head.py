"""Strict heads: what is refused and with which status, what is understood, and which fields travel on."""

from __future__ import annotations

import pytest

from proxy.wire.head import BadHeadError, RequestHead, ResponseHead, parse_request_head, parse_response_head


def request(*lines: bytes, line: bytes = b"POST /openai/v1/chat/completions HTTP/1.1", host: bool = True) -> RequestHead:
    """A request's head from its field lines."""
    fields = (b"Host: proxy.test", *lines) if host else lines
    return parse_request_head(b"\r\n".join([line, *fields, b"", b""]), 200)


def answer(*lines: bytes, line: bytes = b"HTTP/1.1 200 OK") -> ResponseHead:
    """An answer's head from its field lines."""
    return parse_response_head(b"\r\n".join([line, *lines, b"", b""]), 200)


BAD_LINES = {
    "HTTP/0.9": (b"GET /", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0", 400),
    "the HTTP/2 preface": (b"PRI * HTTP/2.0", 400),
    "HTTP/1.2": (b"GET / HTTP/1.2", 400),
    "HTTP/1.10": (b"GET / HTTP/1.10", 400),
    "lower-case version": (b"GET / http/1.1", 400),
    "absolute form": (b"GET http://169.254.169.254/latest HTTP/1.1", 400),
    "authority form": (b"CONNECT api.openai.com:443 HTTP/1.1", 400),
    "asterisk form": (b"OPTIONS * HTTP/1.1", 400),
    "a path without slash": (b"GET openai/v1/models HTTP/1.1", 400),
    "two spaces": (b"GET  / HTTP/1.1", 400),
    "a tab": (b"GET\t/ HTTP/1.1", 400),
    "a space in the target": (b"GET /a b HTTP/1.1", 400),
    "a trailing space": (b"GET / HTTP/1.1 ", 400),
    "a leading space": (b" GET / HTTP/1.1", 400),
    "a bare CR": (b"GET /\rX HTTP/1.1", 400),
    "a NUL in the target": (b"GET /\0 HTTP/1.1", 400),
    "raw UTF-8 in the target": ("GET /ä HTTP/1.1".encode(), 400),
    "a fragment, which some servers cut off": (b"GET /v1/models#/x HTTP/1.1", 400),
    "a lower-case method, which some servers change": (b"post / HTTP/1.1", 400),
    "a method that is no token": (b"GE(T / HTTP/1.1", 400),
    "no target": (b"GET HTTP/1.1", 400),
    "nothing": (b"", 400),
}


@pytest.mark.parametrize(("line", "status"), BAD_LINES.values(), ids=BAD_LINES)
def test_refused_request_line(line: bytes, status: int) -> None:
    """A request line that two readers could read differently is refused."""
    with pytest.raises(BadHeadError) as refused:
        request(line=line)
    assert refused.value.status == status


BAD_FIELDS = {
    "bare LF": (b"A: b\nC: d", 400),
    "bare CR": (b"A: b\rC: d", 400),
    "obs-fold": (b"A: b\r\n c", 400),
    "obs-fold with a tab": (b"A: b\r\n\tc", 400),
    "folded Transfer-Encoding": (b"Transfer-Encoding:\r\n chunked", 400),
    "space before the colon": (b"Transfer-Encoding : chunked", 400),
    "tab before the colon": (b"Content-Length\t: 3", 400),
    "leading space": (b" A: b", 400),
    "no colon": (b"Abc", 400),
    "empty name": (b": b", 400),
    "name that is no token": (b"A(b): c", 400),
    "non-ASCII name": ("Ä: b".encode(), 400),
    "NUL in a name": (b"A\0: b", 400),
    "NUL in a value": (b"A: b\0c", 400),
    "DEL in a value": (b"A: b\x7fc", 400),
    "ESC in a value": (b"A: \x1b[31m", 400),
    "second Host": (b"Host: other.test", 400),
    "second Host, same": (b"host: proxy.test", 400),
    "CL and TE": (b"Content-Length: 3\r\nTransfer-Encoding: chunked", 400),
    "TE and CL": (b"Transfer-Encoding: chunked\r\nContent-Length: 3", 400),
    "two CL": (b"Content-Length: 3\r\nContent-Length: 4", 400),
    "two equal CL": (b"Content-Length: 3\r\nContent-Length: 3", 400),
    "a list of CL": (b"Content-Length: 3, 3", 400),
    "signed CL": (b"Content-Length: +3", 400),
    "negative CL": (b"Content-Length: -1", 400),
    "hexadecimal CL": (b"Content-Length: 0x3", 400),
    "underscored CL": (b"Content-Length: 1_0", 400),
    "empty CL": (b"Content-Length:", 400),
    "non-ASCII digits in CL": (b"Content-Length: \xb2", 400),
    "CL beyond any body": (b"Content-Length: 99999999999999999999", 400),
    "TE gzip": (b"Transfer-Encoding: gzip", 400),
    "TE gzip, chunked": (b"Transfer-Encoding: gzip, chunked", 400),
    "TE chunked, identity": (b"Transfer-Encoding: chunked, identity", 400),
    "TE identity": (b"Transfer-Encoding: identity", 400),
    "TE xchunked": (b"Transfer-Encoding: xchunked", 400),
    "TE with vertical tab": (b"Transfer-Encoding: \x0bchunked", 400),
    "TE quoted": (b'Transfer-Encoding: "chunked"', 400),
    "empty TE": (b"Transfer-Encoding:", 400),
    "two TE": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
    "an unknown expectation": (b"Expect: 200-ok", 417),
    "two Authorization": (b"Authorization: Bearer a\r\nAuthorization: Bearer b", 400),
    "two Content-Type": (b"Content-Type: a/b\r\nContent-Type: c/d", 400),
    "two Content-Encoding": (b"Content-Encoding: gzip\r\nContent-Encoding: br", 400),
    "two x-api-key": (b"X-Api-Key: a\r\nx-api-key: a", 400),
    "two x-tos-purpose": (b"X-Tos-Purpose: a\r\nX-Tos-Purpose: b", 400),
}


@pytest.mark.parametrize(("field", "status"), BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_refused_field(field: bytes, status: int) -> None:
    """A field that two readers could read differently is refused, whatever else the head holds."""
    with pytest.raises(BadHeadError) as refused:
        request(field, b"X-Last: 1")
    assert refused.value.status == status


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\n\r"])
def test_request_line_ends_in_crlf(line: bytes) -> None:
    """The request line ends in CR LF and in nothing else."""
    with pytest.raises(BadHeadError):
        parse_request_head(line + b"Host: proxy.test\r\n\r\n", 200)


@pytest.mark.parametrize("host", [(), (b"Host:",), (b"Host: \t",)], ids=["none", "empty", "blank"])
def test_host_is_needed(host: tuple[bytes, ...]) -> None:
    """HTTP/1.1 without a Host is refused."""
    with pytest.raises(BadHeadError, match="Host"):
        request(*host, host=False)


def test_old_clients_need_no_host() -> None:
    """HTTP/1.0 knows no Host, and closes unless asked to keep the connection."""
    head = request(line=b"GET / HTTP/1.0", host=False)
    assert (head.minor, head.keep_alive, head.length) == (0, False, 0)
    assert request(b"Connection: Keep-Alive", line=b"GET / HTTP/1.0").keep_alive


def test_old_clients_know_no_chunks() -> None:
    """Transfer-Encoding in HTTP/1.0 is refused: an older hop in front would not have seen it."""
    with pytest.raises(BadHeadError):
        request(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0")


def test_field_count_is_capped() -> None:
    """As many fields as allowed are taken, one more is 431."""
    lines = [b"X-%d: 1" % number for number in range(200)]
    with pytest.raises(BadHeadError) as refused:
        request(*lines)
    assert refused.value.status == 431
    assert len(request(*lines[:199]).lines) == 199


def test_what_is_understood() -> None:
    """Method, target, framing and stripped values under lower-case names."""
    head = request(b"CONTENT-LENGTH: 17", b"X-Name: \t a  b \t", b"x-empty:")
    assert (head.method, head.target, head.length, head.chunked, head.keep_alive) == (
        "POST",
        b"/openai/v1/chat/completions",
        17,
        False,
        True,
    )
    assert head.values[b"x-name"] == b"a  b"
    assert head.values[b"x-empty"] == b""


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b" chunked\t"])
def test_chunked(value: bytes) -> None:
    """`chunked` alone, in any case, is the one transfer coding."""
    head = request(b"Transfer-Encoding:" + value)
    assert (head.chunked, head.length) == (True, None)


def test_expectation() -> None:
    """100-continue is understood in any case, and means nothing in HTTP/1.0."""
    assert request(b"Expect: 100-Continue", b"Content-Length: 3").expects_continue
    assert not request(b"Expect: 100-continue", line=b"POST / HTTP/1.0").expects_continue


@pytest.mark.parametrize("value", [b"close", b"Close", b"keep-alive, close", b"foo,close , bar"])
def test_close(value: bytes) -> None:
    """`close` anywhere in Connection closes."""
    assert not request(b"Connection: " + value).keep_alive


def test_repeated_connection_fields_count_together() -> None:
    """A second Connection field closes, and claims fields, as well as the first."""
    head = request(b"Connection: x-one", b"X-One: 1", b"Connection: close, x-two", b"X-Two: 2", b"X-Three: 3")
    assert not head.keep_alive
    assert head.lines == [b"X-Three: 3"]


def test_repeated_fields_are_one_list() -> None:
    """Fields of one name are joined by commas (RFC 9110 §5.3), so that what a later hop added is seen."""
    head = request(b"X-Forwarded-For: 6.6.6.6", b"X-Forwarded-For: 203.0.113.9")
    assert head.values[b"x-forwarded-for"] == b"6.6.6.6, 203.0.113.9"


NOT_FOR_UPSTREAM = [
    b"Connection: x-mine",
    b"X-Mine: 1",
    b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive",
    b"Proxy-Authorization: Basic eA==",
    b"TE: trailers",
    b"Trailer: X-Sum",
    b"Upgrade: h2c",
    b"Cookie: session=1",
    b"Forwarded: for=1.2.3.4",
    b"X-Forwarded-For: 1.2.3.4",
    b"X-Forwarded-Anything: 1",
    b"X-Real-IP: 1.2.3.4",
    b"Via: 1.1 front",
    b"Traceparent: 00-1-1-00",
    b"Baggage: a=b",
    b"X-Tos-Key: tp_1",
    b"X-Tos-Anything: 1",
    b"Expect: 100-continue",
    b"Content-Length: 3",
    b"Accept-Encoding: gzip",
]


@pytest.mark.parametrize("line", [line for line in NOT_FOR_UPSTREAM if not line.startswith(b"Connection")])
def test_fields_that_stay_here(line: bytes) -> None:
    """Hop-by-hop fields, cookies, addresses, traces and everything of ours never travel on."""
    assert request(b"Connection: x-mine", line, b"X-Stays: 1").lines == [b"X-Stays: 1"]


def test_fields_that_travel() -> None:
    """All other fields travel in their order, with duplicates, case and white space as they came."""
    lines = [b"authorization:Bearer a", b"X-Dup: 1", b"x-dup:  2", b"OpenAI-Beta: \xe4", b"X-Stainless-Retry-Count: 1", b"X-Empty:"]
    assert request(*lines).forwarded() == lines


def test_dropping_more() -> None:
    """The caller may drop further names, in any case."""
    head = request(b"X-API-Key: 1", b"Accept: */*")
    assert head.forwarded(frozenset([b"x-api-key"])) == [b"Accept: */*"]


def test_known_lines_are_judged_by_their_bytes() -> None:
    """A line seen before is not taken for one that differs in case or white space."""
    assert request(b"X-Case: 1").lines == [b"X-Case: 1"]
    assert request(b"x-case: 1").lines == [b"x-case: 1"]
    assert request(b"X-Case:  1").lines == [b"X-Case:  1"]


def test_memory_of_lines_is_bounded() -> None:
    """Thousands of different lines are judged right, and long ones are not remembered."""
    for number in range(5000):
        assert request(b"X-Flood: %d" % number).values[b"x-flood"] == b"%d" % number
    long = b"X-Long: " + b"x" * 5000
    assert request(long).lines == request(long).lines == [long]


# --- answers


def test_answer() -> None:
    """An answer's status line is kept as it came, its fields but for hop-by-hop ones and cookies too."""
    head = answer(b"Content-Length: 5", b"Set-Cookie: __cf_bm=1", b"X-Request-Id: r", b"Keep-Alive: 1", b"x-tos-record: forged")
    assert (head.line, head.status, head.length, head.keep_alive) == (b"HTTP/1.1 200 OK", 200, 5, True)
    assert head.lines == [b"Content-Length: 5", b"X-Request-Id: r"]


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 429 Zu \xe4rgerlich", b"HTTP/1.0 599 X"])
def test_status_lines(line: bytes) -> None:
    """A reason phrase may be empty, absent or not ASCII."""
    assert answer(line=line).line == line


@pytest.mark.parametrize(
    "line", [b"HTTP/2 200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000", b"HTTP/1.1  200", b"ICY 200 OK", b"HTTP/1.1 200 O\0K", b""]
)
def test_refused_status_line(line: bytes) -> None:
    """What is no HTTP/1 status line is refused."""
    with pytest.raises(BadHeadError):
        answer(line=line)


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"A: b\r\n c",
        b"A : b",
        b"A: \0",
    ],
)
def test_refused_answer_field(field: bytes) -> None:
    """An upstream's ambiguous head is refused just as a client's."""
    with pytest.raises(BadHeadError):
        answer(field)


def test_answer_without_length() -> None:
    """Neither length nor chunks: the body lasts as long as the connection."""
    head = answer()
    assert (head.length, head.chunked) == (None, False)


@pytest.mark.parametrize("name", [b"content-encoding", b"Content-Type", b"authorization", b"x-tos-purpose", b"host"])
def test_connection_cannot_name_what_is_interpreted(name: bytes) -> None:
    """A field that is read here and stripped for the next hop would make two messages of one."""
    with pytest.raises(BadHeadError):
        parse_request_head(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, " + name + b"\r\n\r\n", 100)


@pytest.mark.parametrize("name", [b"X-HTTP-Method-Override", b"x-http-method", b"X-Method-Override"])
def test_method_override_does_not_travel(name: bytes) -> None:
    """A request is upstream what it was judged and recorded as."""
    head = parse_request_head(b"GET / HTTP/1.1\r\nHost: a\r\n" + name + b": POST\r\nAccept: x\r\n\r\n", 100)
    assert head.forwarded() == [b"Accept: x"]
