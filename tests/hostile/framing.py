"""Requests whose length, line ends or version two readers could see differently (RFC 9112 §2, §6, §7, §11)."""

from __future__ import annotations

from tests.hostile.building import CHAT, HOST, JSON, MODELS, Dice, Made, chat_body, chunked, honest, request, smuggled, spoil

_LENGTHS = (
    b"+%d", b"-%d", b"0x%x", b"%d,%d", b"%d, %d", b"%d %d", b" %d", b"\t%d\t", b"%d\x00", b"\x0b%d", b"%d;", b"%d.0", b"0%d",
    b"00000000000000%d", b"%de0", b'"%d"', b"\xd9\xa3%d", b"", b" ", b"1_000", b"99999999999999999999999", b"9" * 15, b"%d\r\n ",
)  # fmt: skip
_NAMES = (
    b"%b :", b" %b:", b"\t%b:", b"%b\x00:", b"\x00%b:", b"%b\xa0:", b"%b;:", b"%b\r:", b"%b\n:", b"%b", b"%b::", b"X:%b:", b"(%b):",
)  # fmt: skip
_CODINGS = (
    b"chunked", b"Chunked", b"CHUNKED ", b"\tchunked", b"chunked, identity", b"identity, chunked", b"identity", b"gzip, chunked",
    b"chunked, chunked", b"xchunked", b"chunked;q=1", b"chunked;", b",chunked", b"chunked,", b"\x0bchunked", b"chunked\x00",
    b'"chunked"', b"'chunked'", b"chun\xe2\x80\x8bked", b"chunKed", b"cow", b"", b"\r\n chunked", b"\r\n\tchunked", b"\nchunked",
)  # fmt: skip
_SIZES = (
    b"%x;a=b", b"%x;", b"%x ;a", b"%x\t", b" %x", b"\t%x", b"+%x", b"-%x", b"0x%x", b"%x,%x", b"%x.", b"0%x", b"000000000000%x",
    b"%x;\n", b"%x;\rx", b'%x;a="\r\n"', b"%x;\x00", b"%x;" + b"a" * 300, b"g%x", b"%x\r", b"ffffffffffffffff%x", b"\xef\xbc\x95%x",
)  # fmt: skip
_TRAILERS = (
    b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil.test", b"Authorization: Bearer sk-evil", b"X-Evil: trailer",
    b"X-Evil: a\rb", b"X-Evil: a\nb", b"no colon", b": no name", b"X-Evil : space", b" folded", b"x" * 300, b"X: \x00",
)  # fmt: skip
_VERSIONS = (
    b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/2", b"HTTP/11", b"HTTP/1.1.1", b"http/1.1", b"HTTP/1.", b"HTTP /1.1",
    b"HTTP/\xef\xbc\x91.1", b"", b"HTTP/1.1 x", b"ICY/1.1", b"HTTPS/1.1", b"HTTP/1.1\t", b"HTTP/01.1",
)  # fmt: skip
_TARGETS = (
    b"http://169.254.169.254/latest/meta-data", b"http://gateway.test" + MODELS, b"//evil.test/", b"*", b"gateway.test:443", b"",
    b"openai/v1/models", b"/openai/v1/models /x", b"/openai/v1/mod\x00els", b"/openai/v1/mod\x7fels", b"/openai/v1/m\xc3\xb6dels",
    b"/openai/v1/models\t", b"/openai/v1/models#top", b"?x", b"https://evil.test", b"/openai/v1/models\x0b?x",
)  # fmt: skip


def _filled(pattern: bytes, number: int) -> bytes:
    count = pattern.count(b"%d") + pattern.count(b"%x")
    return pattern % ((number,) * count)


def length(dice: Dice, tag: bytes) -> Made:
    """Content-Length in every spelling, doubled, missing or wrong, around a body that holds a request."""
    body = dice.choice([chat_body(tag), smuggled(tag), chat_body(tag) + smuggled(tag)])
    size = dice.choice([len(body), len(body), len(body) - 1, len(body) + 1, 0, len(chat_body(tag)), dice.randrange(2000)])
    value = _filled(dice.choice(_LENGTHS), max(size, 0))
    lines = [b"Content-Length:" + dice.choice([b" ", b"", b"\t", b"  "]) + value]
    match dice.randrange(4):
        case 0:
            lines.append(b"Content-Length: %d" % len(body))
        case 1:
            lines.insert(0, b"Content-Length: %d" % len(body))
        case 2:
            lines = [dice.choice(_NAMES).replace(b"%b", b"Content-Length") + b" %d" % size]
    method = dice.choice([b"POST", b"POST", b"GET", b"HEAD", b"PUT", b"DELETE"])
    return f"length {lines!r}", request(tag, method=method, fields=[JSON, *lines], body=body, length=False)


def coding(dice: Dice, tag: bytes) -> Made:
    """Transfer-Encoding in every spelling, with and without a Content-Length beside it."""
    body = dice.choice([chunked(chat_body(tag), dice), b"0\r\n\r\n" + smuggled(tag), smuggled(tag)])
    lines = [b"Transfer-Encoding: " + dice.choice(_CODINGS)]
    match dice.randrange(6):
        case 0:
            lines.append(b"Content-Length: %d" % dice.choice([len(body), 0, 5]))
        case 1:
            lines.insert(0, b"Content-Length: %d" % dice.choice([len(body), 0, 5]))
        case 2:
            lines.append(b"Transfer-Encoding: " + dice.choice(_CODINGS))
        case 3:
            lines = [dice.choice(_NAMES).replace(b"%b", b"Transfer-Encoding") + b" chunked"]
        case 4:
            lines = [dice.choice([b"Transfer_Encoding", b"Transfer-Encodinq", b"X-Transfer-Encoding", b"TE"]) + b": chunked"]
    version = b"HTTP/1.0" if dice.random() < 0.1 else b"HTTP/1.1"
    return f"coding {lines!r}", request(tag, version=version, fields=[JSON, *lines], body=body, length=False)


def chunks(dice: Dice, tag: bytes) -> Made:
    """Chunked bodies with odd sizes, extensions, line ends, ends and trailers."""
    body = chat_body(tag, b"x" * dice.randrange(40))
    size, end, after, ending = b"%x" % len(body), b"\r\n", b"\r\n", b"0\r\n\r\n"
    trick = dice.randrange(6)
    match trick:
        case 0:
            size = _filled(dice.choice(_SIZES), len(body))
        case 1:
            end = dice.choice([b"\n", b"\r", b"\r\r\n", b"\n\r", b"", b"\r\n\r\n"])
        case 2:
            after = dice.choice([b"\n", b"\r", b"", b"xx", b"\r\n\r\n", b"\n\r", b"x\r\n"])
        case 3:
            size = b"%x" % max(0, len(body) + dice.choice([-2, -1, 1, 2]))
        case 4:
            ending = dice.choice(
                [b"0\r\n", b"0", b"", b"00\r\n\r\n", b"0\n\n", b"0;a\r\n\r\n", b"0\r\n\n", b"-0\r\n\r\n", b"0 \r\n\r\n"]
            )
        case _:
            ending = b"0\r\n" + b"".join(dice.choice(_TRAILERS) + b"\r\n" for _ in range(dice.randint(1, 3))) + b"\r\n"
    raw = size + end + body + after + ending
    return f"chunks {trick} {(size, end, after, ending)!r}", request(
        tag, fields=[JSON, b"Transfer-Encoding: chunked"], body=raw, length=False
    )


def line_ends(dice: Dice, tag: bytes) -> Made:
    """Heads with other line ends than CRLF, in one place or in all."""
    head, _, body = honest(tag).partition(b"\r\n\r\n")
    other = dice.choice([b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n ", b"\r\n\t", b"\x0b", b"\x85", b"\r\n\x00", b"\r \n"])
    if dice.random() < 0.4:
        return f"all line ends {other!r}", (head + b"\r\n\r\n").replace(b"\r\n", other) + body
    lines = head.split(b"\r\n")
    place = dice.randrange(1, len(lines))
    spoiled = b"\r\n".join(lines[:place]) + other + b"\r\n".join(lines[place:])
    return f"line end {place} {other!r}", spoiled + b"\r\n\r\n" + body


def first_line(dice: Dice, tag: bytes) -> Made:
    """Request lines with other versions, targets, methods and separators."""
    match dice.randrange(4):
        case 0:
            version = dice.choice(_VERSIONS)
            return f"version {version!r}", request(tag, version=version, fields=[JSON], body=chat_body(tag))
        case 1:
            target = dice.choice(_TARGETS)
            return f"target {target!r}", request(tag, method=b"GET", target=target)
        case 2:
            method = dice.choice(
                [
                    b"CONNECT",
                    b"OPTIONS",
                    b"TRACE",
                    b"get",
                    b"M-SEARCH",
                    b"G ET",
                    b"",
                    b"\xc7ET",
                    b"1GET",
                    b"!",
                    b"_X",
                    b"PRI",
                    b"GET\t",
                ]
            )
            return f"method {method!r}", request(tag, method=method, target=MODELS + b"?case=" + tag)
        case _:
            space = dice.choice([b"  ", b"\t", b"\x0b", b"\xa0", b" \t", b"\x00"])
            line = b"GET" + space + MODELS + b"?case=" + tag + dice.choice([b" ", space]) + b"HTTP/1.1"
            return f"space {space!r}", b"\r\n".join([line, HOST, b"", b""])


def beginnings(dice: Dice, tag: bytes) -> Made:
    """What comes before or instead of HTTP/1.1: empty lines, other protocols, noise."""
    before = dice.choice([
        b"\r\n", b"\r\n" * 3, b"\n", b" ", b"\r", b"\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"\r\n\r\nPROXY V2", b"\xef\xbb\xbf", b"GET /\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
        dice.randbytes(20), b"\r\n" + b" " * 5, b"*1\r\n$4\r\nPING\r\n",
    ])  # fmt: skip
    return f"before {before!r}", before + honest(tag)


def hosts(dice: Dice, tag: bytes) -> Made:
    """Host missing, doubled, empty or not a host."""
    value = dice.choice([
        b"", b"Host:", b"Host: ", b"Host: a\r\nHost: b", b"Host: a\r\nhost: a", b"Host: evil.test", b"Host: a@b",
        b"Host: a/b", b"Host: a b",
        b"Host: [::1", b"Host: a:99999", b"Host : a", b"Host: a\r\n b", b"Host:\x00a", b"Host: a,b", b"HOST: gateway.test",
    ])  # fmt: skip
    version = dice.choice([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"])
    return f"host {value!r} {version!r}", request(tag, host=value, version=version, fields=[JSON], body=chat_body(tag))


def pipelined(dice: Dice, tag: bytes) -> Made:
    """Several requests in one go: each must be answered, in its place."""
    count = dice.randint(1, 4)
    stream = b""
    for index in range(count):
        inner = tag + b".%d" % index
        body = chat_body(inner)
        stream += dice.choice([
            honest(inner),
            request(inner, method=b"GET"),
            request(inner, method=b"HEAD"),
            request(inner, fields=[JSON, b"Transfer-Encoding: chunked"], body=chunked(body, dice), length=False),
            request(inner, method=b"GET", fields=[JSON], body=smuggled(tag)),
            request(inner, fields=[JSON, b"Expect: 100-continue"], body=body),
            request(inner, version=b"HTTP/1.0", fields=[JSON, b"Connection: keep-alive"], body=body),
            request(inner, fields=[JSON, b"Connection: x-hop, Keep-Alive", b"X-Hop: 1"], body=body),
            request(inner, target=b"/nowhere/x?case=" + inner, fields=[JSON], body=body),
        ])  # fmt: skip
    if dice.random() < 0.2:
        stream += honest(tag + b".closing", b"Connection: close, x") + smuggled(tag)
    return f"{count} pipelined", stream


def expecting(dice: Dice, tag: bytes) -> Made:
    """Expect in every spelling."""
    value = dice.choice(
        [b"100-continue", b"100-Continue", b"100-continue, x", b"200-ok", b"", b"100-continue;q=1", b"\t100-continue\t"]
    )
    version = dice.choice([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"])
    return f"expect {value!r}", request(tag, version=version, fields=[JSON, b"Expect: " + value], body=chat_body(tag))


def upgrades(dice: Dice, tag: bytes) -> Made:
    """WebSocket, h2c and other upgrades, with a request behind them that must not be taken for tunnelled bytes.

    None is a handshake that opens a session (the key is too short): what may follow one is told in `test_frames`.
    """
    protocol = dice.choice([b"websocket", b"h2c", b"TLS/1.0", b"foo"])
    fields = [
        b"Connection: Upgrade",
        b"Upgrade: " + protocol,
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA",
    ]
    target = dice.choice([MODELS, b"/openai/v1/realtime", CHAT]) + b"?case=" + tag
    return f"upgrade {protocol!r} {target!r}", request(tag, method=b"GET", target=target, fields=fields)


def mutated(dice: Dice, tag: bytes) -> Made:
    """Honest requests with a few spoiled bytes."""
    stream = dice.choice([
        honest(tag),
        request(tag, method=b"GET"),
        request(tag, fields=[JSON, b"Transfer-Encoding: chunked"], body=chunked(chat_body(tag), dice), length=False),
        request(tag, fields=[JSON], body=chat_body(tag) + smuggled(tag), length=True),
    ])  # fmt: skip
    times = dice.randint(1, 3)
    return f"{times} spoiled", spoil(stream, dice, times)


FRAMING = (length, coding, chunks, line_ends, first_line, beginnings, hosts, pipelined, expecting, upgrades, mutated)
