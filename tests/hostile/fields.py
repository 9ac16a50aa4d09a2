"""Header fields that must not travel on, that must, and that must not be there at all (RFC 9110 §5-7)."""

from __future__ import annotations

from tests.hostile.building import JSON, Dice, Made, chat_body, request, spelled
from tests.hostile.meaning import Asked

_HOP_BY_HOP = spelled(
    r"""
    Keep-Alive: timeout=5 | Proxy-Connection: keep-alive | Proxy-Authorization: Basic eDp5 | Proxy-Authenticate: x
    TE: trailers | Trailer: X-Evil | Upgrade: h2c | Connection: keep-alive | Connection: x-hop | Connection: authorization
    Connection: TE, x-a | Connection: content-length | Connection: content-type, x-a | Connection: | Connection: ,,
    Connection: host | Connection: x-tos-key
    """
)
_PRIVATE = spelled(
    r"""
    Cookie: session=1 | Forwarded: for=1.2.3.4 | Via: 1.1 x | X-Forwarded-For: 1.2.3.4 | X-Forwarded-Host: evil.test
    X-Forwarded-Proto: https | X-Real-IP: 1.2.3.4 | traceparent: 00-0-0-00 | baggage: a=b | x-tos-record: rec_forged
    X-HTTP-Method-Override: DELETE | x-http-method: PUT | X-Method-Override: PATCH
    X-Tos-Anything: 1 | x-tos-source: proxy | X-TOS-decision: allow
    """
)
_ORDINARY = (
    *spelled(r"""
    X-A: 1 | X-a:2 | x-A:\t3\x20 | X-Hop: 1 | User-Agent: hostile | Accept: */* | OpenAI-Beta: x | x-stainless-retry-count: 1
    X-Empty: | X-Colons: a:b: c | X-Latin: caf\xe9 | X-Utf8: \xe2\x82\xac | X-Tab: a\tb | !#$%&'*+-.^_`\x7c~9: odd
    Idempotency-Key: k | Accept-Encoding: gzip, br | Accept-Encoding: compress | X-Script-Kiddie: %0d%0aX-Evil: 1
    Content-Language: en | Warning: 199 - x | Authorization: Bearer sk-hostile-000000000000000000
    x-api-key: sk-hostile-000000000000000000 | Range: bytes=0-1
    """),
    b"X: " + b"a" * 5000,
)
_BROKEN = spelled(
    r"""
    X-Nul: a\x00b | X-Cr: a\rb | X-Lf: a\nX-Evil: 1 | X-Space : a | \x20X-Fold: a | X-Vt: \x0b | X-Del: \x7f | no colon
    : empty | X-Non\xe9: a | X(y): a | "X": a | X-Esc: \x1b[31m | X@Y: a | X/Y: a | X[0]: a | X\\Y: a | X,Y: a
    """
)
_DOUBLED = spelled(
    r"""
    Content-Type: text/plain | Content-Encoding: gzip | Authorization: Bearer a | Authorization: Bearer b | x-api-key: a
    x-api-key: b | Expect: 100-continue | x-tos-purpose: use.product | x-tos-purpose: nonsense | x-tos-key: a | api-key: a
    x-goog-api-key: a | Authorization: Basic eDp5 | Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0. | Authorization:
    Authorization: \xff
    """
)


def mixed(dice: Dice, tag: bytes) -> Made:
    """A few fields of every kind in any order."""
    kinds = [_HOP_BY_HOP, _PRIVATE, _ORDINARY, _ORDINARY]
    fields = [dice.choice(dice.choice(kinds)) for _ in range(dice.randint(1, 8))]
    if dice.random() < 0.2:
        fields.append(dice.choice(_DOUBLED))
    if dice.random() < 0.15:
        fields.append(dice.choice(_BROKEN))
    dice.shuffle(fields)
    shown = [line[:60] for line in fields]
    return f"fields {shown!r}", request(tag, fields=[JSON, *fields], body=chat_body(tag))


def credentials(dice: Dice, tag: bytes) -> Made:
    """Credentials twice, in several slots, in odd schemes."""
    fields = [dice.choice(_DOUBLED) for _ in range(dice.randint(1, 3))]
    return f"credentials {fields!r}", request(tag, fields=[JSON, *fields], body=chat_body(tag))


def many(dice: Dice, tag: bytes) -> Made:
    """So many or so large fields that a bound is near."""
    if dice.random() < 0.5:
        count = dice.choice([150, 196, 197, 198, 199, 2000])
        fields = [b"X-%d: a" % number for number in range(count)]
        return f"{count} fields", request(tag, fields=[JSON, *fields], body=chat_body(tag))
    size = dice.choice([60_000, 65_000, 65_300, 65_536, 70_000, 200_000])
    place = dice.randrange(3)
    if place == 0:
        return f"a target of {size}", request(tag, method=b"GET", target=b"/openai/v1/models?case=%b&x=" % tag + b"a" * size)
    field = b"X-Large: " + b"a" * size if place == 1 else b"X" * size + b": a"
    return f"a field of {size}", request(tag, fields=[JSON, field], body=chat_body(tag))


FIELDS = (mixed, mixed, mixed, mixed, mixed, mixed, credentials, credentials, many)

_NEVER = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade"
    b" host expect cookie cookie2 forwarded via x-real-ip true-client-ip cf-connecting-ip traceparent tracestate baggage"
    b" x-http-method-override x-http-method x-method-override".split()
)
_REWRITTEN = frozenset([b"accept-encoding", b"content-length"])


def travelling(asked: Asked) -> list[tuple[bytes, bytes]]:
    """The fields that an upstream must see, in order, those left out that the proxy writes anew."""
    return [
        (name, value)
        for name, value in asked.fields
        if (lower := name.lower()) not in _NEVER | _REWRITTEN | asked.options and not lower.startswith((b"x-tos-", b"x-forwarded-"))
    ]


def arrived(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The same selection of what an upstream saw."""
    return [(name, value) for name, value in headers if name.lower() not in _REWRITTEN | {b"host"}]
