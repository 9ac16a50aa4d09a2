"""The opening handshake: what is carried on, what is not, and the key that a browser hides in it."""

from __future__ import annotations

import pytest

from proxy.wire import handshake
from proxy.wire.handshake import HandshakeError
from proxy.wire.head import RequestHead, ResponseHead, parse_request_head, parse_response_head

GOOD = {
    b"Host": b"a",
    b"Connection": b"keep-alive, Upgrade",
    b"Upgrade": b"websocket",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Protocol": b"realtime, openai-insecure-api-key.sk-1, openai-beta.realtime-v1",
}
AGREED = {
    b"Upgrade": b"WebSocket",
    b"Connection": b"upgrade",
    b"Sec-WebSocket-Accept": b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    b"Sec-WebSocket-Protocol": b"realtime",
}


def lines(fields: dict[bytes, bytes]) -> bytes:
    """Fields as a head has them."""
    return b"".join(b"%b: %b\r\n" % field for field in fields.items() if field[1]) + b"\r\n"


def asking(line: bytes = b"GET /v1/realtime HTTP/1.1", **changed: bytes) -> RequestHead:
    """A client's handshake, with fields changed or, where empty, left out."""
    fields = GOOD | {name.replace("_", "-").encode(): value for name, value in changed.items()}
    return parse_request_head(line + b"\r\n" + lines(fields), 100)


def agreeing(**changed: bytes) -> ResponseHead:
    """An upstream's."""
    fields = AGREED | {name.replace("_", "-").encode(): value for name, value in changed.items()}
    return parse_response_head(b"HTTP/1.1 101 Switching Protocols\r\n" + lines(fields), 100)


def test_a_handshake_of_the_rfc_is_carried_on() -> None:
    """The example of RFC 6455 §1.3, both sides."""
    handshake.check_request(asking())
    handshake.check_answer(asking(), agreeing())
    assert handshake.asked(asking())
    assert not handshake.asked(asking(Upgrade=b"h2c"))


REFUSED = {
    "another method": (asking(b"POST /v1/realtime HTTP/1.1"), 400),
    "HTTP/1.0": (asking(b"GET /v1/realtime HTTP/1.0"), 400),
    "a body": (asking(Content_Length=b"3"), 400),
    "a Connection that does not say so": (asking(Connection=b"keep-alive"), 400),
    "an older version": (asking(Sec_WebSocket_Version=b"8"), 426),
    "no version": (asking(Sec_WebSocket_Version=b""), 426),
    "no key": (asking(Sec_WebSocket_Key=b""), 400),
    "a short key": (asking(Sec_WebSocket_Key=b"c2hvcnQ="), 400),
    "a key that is no base64": (asking(Sec_WebSocket_Key=b"%" * 24), 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_handshake_is_refused(name: str) -> None:
    """With the status that says why."""
    head, status = REFUSED[name]
    with pytest.raises(HandshakeError) as caught:
        handshake.check_request(head)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "answer",
    [
        agreeing(Upgrade=b"h2c"),
        agreeing(Connection=b"close"),
        agreeing(Sec_WebSocket_Accept=b"s3pPLMBiTxaQ9kYGzzhZRbK+xOp="),
        agreeing(Sec_WebSocket_Accept=b""),
        agreeing(Sec_WebSocket_Extensions=b"permessage-deflate"),
        agreeing(Sec_WebSocket_Protocol=b"other"),
        agreeing(Content_Length=b"5"),
        agreeing(Transfer_Encoding=b"chunked"),
    ],
    ids=["protocol", "connection", "accept", "no accept", "extensions", "sub-protocol", "length", "chunked"],
)
def test_an_answer_that_agrees_to_something_else_is_refused(answer: ResponseHead) -> None:
    """What passes afterwards could mean anything."""
    with pytest.raises(HandshakeError):
        handshake.check_answer(asking(), answer)


def test_the_key_among_the_sub_protocols_is_found_and_left_out() -> None:
    """The others stay, in their order."""
    protocols = GOOD[b"Sec-WebSocket-Protocol"]
    assert handshake.protocol_key(protocols) == b"sk-1"
    assert handshake.protocols_without_key(protocols) == b"realtime, openai-beta.realtime-v1"
    assert handshake.protocol_key(b"realtime") == b""
