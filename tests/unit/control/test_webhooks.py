"""Messages to others' addresses."""

from __future__ import annotations

import httpx2
import pytest

from proxy.control.webhooks import NotTakenError, post, signature, signing_key


def test_the_signature_is_that_of_the_specification() -> None:
    """The specification's own example: id, timestamp and body under a secret of its form."""
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signing_key("another form") == b"another form"


@pytest.mark.parametrize(("status", "taken"), [(200, True), (204, True), (302, False), (410, False), (500, False)])
async def test_only_an_answer_of_success_counts(status: int, taken: bool) -> None:
    """A redirect is not followed: it could lead anywhere."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status, headers={"location": "http://127.0.0.1:9/secret"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        if taken:
            await post(client, "http://127.0.0.1/hook", "id", 5, b"{}", "")
        else:
            with pytest.raises(NotTakenError, match=str(status)):
                await post(client, "http://127.0.0.1/hook", "id", 5, b"{}", "")
    assert len(seen) == 1
    assert "webhook-signature" not in seen[0].headers


async def test_an_address_that_cannot_be_reached_is_not_repeated_to_anybody() -> None:
    """It may hold a secret."""
    async with httpx2.AsyncClient() as client:
        with pytest.raises(NotTakenError) as caught:
            await post(client, "http://127.0.0.1:9/services/SECRET", "id", 5, b"{}", "")
    assert "SECRET" not in str(caught.value)
