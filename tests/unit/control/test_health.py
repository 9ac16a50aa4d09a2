"""The health listener from outside."""

from __future__ import annotations

import socket

from tests.proxy_server import ProxyServer
from tests.waiting import PATIENCE


def test_garbage_at_the_health_listener(shared_proxy_server: ProxyServer) -> None:
    """Whatever is sent to the health listener, it answers with a short error or closes, and goes on."""
    port = int(shared_proxy_server.health_url.rpartition(":")[2])
    expected = {
        b"\x16\x03\x01\x02\x00\x01\x00" + b"\xff" * 60 + b"\r\n\r\n": b"400",
        b"GET /healthz HTTP/9.9\r\n\r\n": b"400",
        b"POST /healthz HTTP/1.1\r\nhost: x\r\n\r\n": b"405",
        b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n": b"404",
        b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 20000 + b"\r\n\r\n": b"431",
        b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n": b"200",
    }
    for sent, status in expected.items():
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(sent)
            answered = connection.recv(4096)
            assert answered.split(b" ")[1] == status
            assert (b"\r\nallow: GET, HEAD\r\n" in answered) == (status == b"405")
    assert shared_proxy_server.get("/healthz") == (200, "ok\n")
    assert 'tos_proxy_build{version="' in shared_proxy_server.get("/metrics")[1]


def test_silent_connections_starve_nobody(shared_proxy_server: ProxyServer) -> None:
    """Many connections that say nothing are closed, and probes go on being answered."""
    port = int(shared_proxy_server.health_url.rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    try:
        assert shared_proxy_server.get("/healthz")[0] == 200
    finally:
        for each in silent:
            each.close()
