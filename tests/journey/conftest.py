"""The two ways a journey takes: straight to the scripted upstream, and through the proxy to another one like it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.demo.upstream import upstream_process
from tests.journey.comparison import Way

API_ROOTS = {"openai": "/v1", "anthropic": "", "gemini": ""}
"""What an SDK's base URL has after the provider's address."""


@pytest.fixture(scope="session")
def straight() -> Iterator[Way]:
    """No proxy between the client and its upstream."""
    with upstream_process("--repeatable") as upstream:
        yield Way({name: upstream.url + root for name, root in API_ROOTS.items()}, upstream)


@pytest.fixture
def through_proxy(shared_proxy_server: Any) -> Way:
    """Through a running proxy whose upstreams all are one repeatable scripted upstream in its own process."""
    bases = {name: f"{shared_proxy_server.gateway_url}/{name}{root}" for name, root in API_ROOTS.items()}
    return Way(bases, shared_proxy_server.upstream)
