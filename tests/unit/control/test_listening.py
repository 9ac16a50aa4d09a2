"""Listening sockets."""

from __future__ import annotations

import socket
import stat
import threading
from pathlib import Path

import pytest

from proxy.control.listening import CannotListenError, bind, bind_unix, url


def test_port_is_bound_and_shown() -> None:
    """Port 0 takes a free one, and the URL says which."""
    (bound,) = bind("127.0.0.1", 0, what="x", change="y")
    with bound:
        assert url(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert url(bound, tls=True).startswith("https://")
        with socket.create_connection(bound.getsockname()):
            pass


def test_taken_port_is_waited_for() -> None:
    """With patience a port that is let go of is taken over."""
    (first,) = bind("127.0.0.1", 0, what="x", change="y")
    port = first.getsockname()[1]
    closing = threading.Timer(0.2, first.close)
    closing.start()
    (second,) = bind("127.0.0.1", port, what="x", change="y", patience=5)
    second.close()
    closing.join()


@pytest.mark.parametrize(
    ("host", "reason", "change"),
    [
        ("127.0.0.1", "taken", "--port"),
        ("no.such.host.invalid", "no address", "gateway.host or TOS_PROXY_GATEWAY__HOST"),
        ("192.0.2.1", "no such address", "gateway.host or TOS_PROXY_GATEWAY__HOST"),
    ],
)
def test_reasons(host: str, reason: str, change: str) -> None:
    """Why not, and what to change, in one line."""
    (taken,) = bind("127.0.0.1", 0, what="x", change="y")
    with taken, pytest.raises(CannotListenError, match=rf"gateway cannot listen on {host}.*{reason}.*change it with {change}$"):
        bind(host, taken.getsockname()[1], what="gateway", change="--port")


def test_unix_socket_is_private(tmp_path: Path) -> None:
    """A unix socket is for its owner alone, a stale file is replaced, a live one and a foreign file are not."""
    path = tmp_path / "s"
    bind_unix(path, change="c").close()
    with bind_unix(path, change="c"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(CannotListenError, match="another process listens there"):
            bind_unix(path, change="c")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CannotListenError):
        bind_unix(tmp_path / "file", change="c")
    assert (tmp_path / "file").read_text() == "mine"
