"""Sends one message to one address, signed as Standard Webhooks has it (specification 1.0, symmetric signatures).

Redirects are not followed and no proxy of the environment is asked for anything but what it is set up for; an answer's body is
not read further than its head needs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import httpx2

SECONDS = 15.0
SECRET_PREFIX = "whsec_"  # noqa: S105 - what the specification begins its secrets with


class NotTakenError(Exception):
    """The other side did not take the message; the text says why, without the address (which may hold a secret)."""


def signing_key(secret: str) -> bytes:
    """The key of a secret as the specification writes it (`whsec_` and base64), or the bytes of any other."""
    if secret.startswith(SECRET_PREFIX):
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return secret.encode()


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, timestamp (seconds since 1970) and body, parted by full stops."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def post(client: httpx2.AsyncClient, url: str, message_id: str, timestamp: int, body: bytes, secret: str) -> None:
    """Send a message; without a secret it is not signed. Raises: NotTakenError."""
    headers = {"content-type": "application/json", "webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if secret:
        headers["webhook-signature"] = signature(signing_key(secret), message_id, timestamp, body)
    try:
        answer = await client.post(url, content=body, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise NotTakenError(f"cannot be reached ({type(error).__name__})") from None
    if not 200 <= answer.status_code < 300:
        raise NotTakenError(f"answered {answer.status_code}")
