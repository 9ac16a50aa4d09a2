"""Binds listening sockets, and says in one line what to do when that fails."""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from pathlib import Path

from proxy.core.errors import TosProxyError

_BACKLOG = 4096
_RETRY_SECONDS = 0.02


class CannotListenError(TosProxyError):
    """The text says which listener could not be bound, why, and what to change."""


def bind(host: str, port: int, *, what: str, change: str, patience: float = 0.0) -> list[socket.socket]:
    """Listening sockets on every address `host` has (one, when `port` is 0), non-blocking, not inheritable.

    `what` is the listener's section of the configuration, `change` names the setting of its port for people. `patience`: seconds to
    wait for a port that is in use, since the children of a supervisor that was killed let go of it a moment later.

    Raises: CannotListenError.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return _bind_all(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(_RETRY_SECONDS)
                continue
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                change = f"{what}.host or TOS_PROXY_{what.upper()}__HOST"
            raise CannotListenError(f"{what} cannot listen on {host}:{port}: {_reason(error)}; change it with {change}") from None


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken by another process"
    if error.errno == errno.EACCES:
        return "ports below 1024 need more rights"
    if isinstance(error, socket.gaierror):
        return "the host has no address"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return os.strerror(error.errno) if error.errno else str(error)


def _bind_all(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    bound: list[socket.socket] = []
    try:
        for family, address in addresses if port else addresses[:1]:
            bound.append(_bind(family, address))
    except OSError:
        for each in bound:
            each.close()
        raise
    return bound


def _bind(family: int, address: object) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)  # type: ignore[arg-type]  # whatever getaddrinfo gave for this family
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def bind_unix(path: Path, *, change: str) -> socket.socket:
    """A listening unix socket, 0600: whoever may open it is an authenticated peer. A stale file of a dead process is replaced.

    Raises: CannotListenError.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = "another process listens there" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise CannotListenError(f"gateway cannot listen on {path}: {reason}; change it with {change}") from None
    return listener


def _clear(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


def url(bound: socket.socket, *, tls: bool = False) -> str:
    """`http://host:port` by which this machine reaches a bound socket; a wildcard address is shown as loopback."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
