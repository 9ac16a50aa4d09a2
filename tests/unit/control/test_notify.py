"""What systemd is told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from proxy.control.notify import READY, VARIABLE, notify
from tests.waiting import PATIENCE


def test_tells(tmp_path: Path) -> None:
    """The state arrives at the socket that systemd named; without one, or with nobody there, nothing happens."""
    place = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(place)
        systemd.settimeout(PATIENCE)
        notify(READY, {VARIABLE: place})
        assert systemd.recv(100) == b"READY=1"
    notify(READY, {VARIABLE: place})
    notify(READY, {})
    notify(READY, {VARIABLE: "unix:elsewhere"})


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="abstract sockets are Linux's")
def test_abstract_socket() -> None:
    """An address that begins with @ is in the abstract name space."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0tos-proxy-test-notify")
        systemd.settimeout(PATIENCE)
        notify(READY, {VARIABLE: "@tos-proxy-test-notify"})
        assert systemd.recv(100) == b"READY=1"
