"""What tests of the admin API say of its answers."""

from __future__ import annotations

import httpx2


def check(answer: httpx2.Response, status: int, name: str) -> None:
    """The answer is this problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == (f"urn:tos-proxy:problem:{name}", status)
    assert "Traceback" not in answer.text
