"""What all tests share: a real proxy in front of a scripted upstream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from proxy.demo.upstream import UpstreamProcess, upstream_process
from tests.proxy_server import ProxyServer, StartProxy
from tests.proxy_server import proxy_server as running

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def scripted_process() -> Iterator[UpstreamProcess]:
    """The scripted upstream of every proxy that one test has for itself; its answers follow from the request alone."""
    with upstream_process("--repeatable") as upstream:
        yield upstream


@pytest.fixture
def scripted_upstream(scripted_process: UpstreamProcess) -> UpstreamProcess:
    """The same, with nothing seen yet."""
    scripted_process.clear()
    return scripted_process


@pytest.fixture
def proxy_server(tmp_path: Path, scripted_upstream: UpstreamProcess) -> Iterator[ProxyServer]:
    """A proxy of the test's own, which it may stop, kill and start again."""
    with running(tmp_path / "proxy", scripted_upstream) as server:
        yield server


@pytest.fixture(scope="session")
def shared_proxy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServer]:
    """One proxy for all tests of the session that only send requests through it and read what they left."""
    with upstream_process("--repeatable") as upstream, running(tmp_path_factory.mktemp("shared"), upstream) as server:
        yield server


@pytest.fixture
def start_proxy(tmp_path: Path, scripted_upstream: UpstreamProcess) -> Iterator[StartProxy]:
    """Starts proxies with options of their own: `start_proxy(configuration={"ledger": {"content": "digests"}})`."""
    with ExitStack() as stack:
        count = iter(range(1000))

        def start(**options: Any) -> ProxyServer:
            number = next(count)
            if "upstream" not in options:
                # What an upstream saw is held against one ledger, so each further proxy has an upstream of its own.
                options["upstream"] = stack.enter_context(upstream_process("--repeatable")) if number else scripted_upstream
            return stack.enter_context(running(tmp_path / f"proxy{number}", **options))

        yield start
