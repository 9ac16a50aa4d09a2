"""Who serves a data folder: locks that keep a second supervisor away, and `run/<role>.json`, by which commands find the running
one.

The file is `{"pid", "role", "version", "gateway_url", "admin_url", "health_url", "children": {name: pid}}`. It is removed at a
clean end; one whose lock nobody holds was left by a supervisor that was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from io import BufferedRandom
from pathlib import Path
from typing import Any, Self

from proxy.control.plan import ALL, CONTROL, GATEWAY
from proxy.core.errors import TosProxyError

_DUTIES = {ALL: (GATEWAY, CONTROL), GATEWAY: (GATEWAY,), CONTROL: (CONTROL,)}


class AlreadyServedError(TosProxyError):
    """Another supervisor has this data folder; the text names its process."""

    @classmethod
    def by(cls, owner: str, data_dir: Path, duty: str) -> Self:
        """The error, given who serves."""
        return cls(f"another tos-proxy (process {owner}) already serves {data_dir} as {duty}")


class Presence:
    """A supervisor's place in a data folder."""

    def __init__(self, data_dir: Path, role: str) -> None:
        self._folder = data_dir / "run"
        self._role = role
        self._locks: list[BufferedRandom] = []

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._role}.json"

    def claim(self) -> bool:
        """Take the locks of the role's duties. Returns whether the one before us ended without a farewell.

        Raises: AlreadyServedError, OSError.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for duty in _DUTIES[self._role]:
            lock = (self._folder / f"{duty}.lock").open("a+b")
            self._locks.append(lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read(20).decode("ascii", "replace").strip() or "unknown"
                raise AlreadyServedError.by(owner, self._folder.parent, duty) from None
        crashed = any(self._folder.glob("*.json"))
        for lock in self._locks:
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
            lock.flush()
        return crashed

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Replace the file, so that a reader sees the old or the new whole."""
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps({"pid": os.getpid(), "role": self._role, **facts}))
        beside.replace(self._file)

    def leave(self) -> None:
        """Remove the file and let go of the locks."""
        self._file.unlink(missing_ok=True)
        for lock in self._locks:
            lock.close()


def who_serves(data_dir: Path, duty: str) -> dict[str, Any] | None:
    """What the running supervisor with this duty (`gateway | control`) told about itself, None when there is none."""
    folder = data_dir / "run"
    try:
        with (folder / f"{duty}.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _told(folder, duty)
    return None


def _told(folder: Path, duty: str) -> dict[str, Any] | None:
    for role in (ALL, duty):
        try:
            told = json.loads((folder / f"{role}.json").read_text())
        except (OSError, ValueError):
            continue
        if isinstance(told, dict):
            return told
    return None
