"""What is followed beside the configuration file: a line for each file, of what changes with every write. Contents are not read:
this is asked every second.

What came with this installation, hundreds of files that an upgrade replaces, is looked at file by file every ten seconds; between
that, the times of its folders tell of files that came, went or were replaced. All else is looked at in full, every time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

_MOST_FOLLOWED = 20_000
_INSTALLED_SECONDS = 10.0
_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "_policies", _PACKAGE.parent / "policies")
INSTALLED = tuple(str(folder / part) for folder in _FOLDERS for part in ("packs", "terms"))
"""Where this installation has its packs and terms; what stands beside them in a checkout may be one's own."""


Seen = tuple[str, tuple[int, int] | None]
"""A folder, and what changes when a name in it does."""


def stamps(path: str, seen: list[Seen] | None = None) -> str:
    """A line for a file, or for each file of a folder; `seen` gets every folder, as it was before it was looked through."""
    return "".join(islice(_stamps(path, [] if seen is None else seen), _MOST_FOLLOWED))


class Following:
    """Remembers what it saw of the installation. One per process; `stamps` is not for two threads at once."""

    def __init__(self, installed: Sequence[str] = INSTALLED) -> None:
        self._installed = tuple(f"{folder}{os.sep}" for folder in installed)
        self._known: dict[str, tuple[str, list[Seen], float]] = {}

    def forget(self) -> None:
        """Look at everything the next time."""
        self._known.clear()

    def stamps(self, path: str) -> str:
        """As the function."""
        if not f"{path}{os.sep}".startswith(self._installed):
            return stamps(path)
        text, seen, until = self._known.get(path, ("", [], 0.0))
        if time.monotonic() >= until or any(_changed(folder) != at for folder, at in seen):
            seen = []
            text = stamps(path, seen)
            self._known[path] = text, seen, time.monotonic() + _INSTALLED_SECONDS
        return text


def _changed(folder: str) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)  # noqa: PTH116 - some seventy a second: no object of a path
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _stamps(path: str, seen: list[Seen]) -> Iterator[str]:
    """Links to files are followed, which is how mounts change."""
    seen.append((path, _changed(path)))
    try:
        found = sorted(os.scandir(path), key=_name)
    except NotADirectoryError:
        yield _stamp(path, Path(path))
        return
    except OSError:
        yield f"{path} cannot be read\n"
        return
    for each in found:
        if each.is_dir(follow_symlinks=False):
            yield from _stamps(each.path, seen) if not each.name.startswith(".") else ()
        elif each.name.endswith((".yaml", ".yml", ".json")) and each.is_file():
            yield _stamp(each.name, each)


def _stamp(name: str, file: os.DirEntry[str] | Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return f"{name} is gone\n"
    return f"{name} {found.st_ino} {found.st_mtime_ns} {found.st_size}\n"


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
