"""Compiled twins of the hot modules: the very same sources through mypyc, taken where they fit the sources to the byte.

`scripts/native` makes them, in `proxy/_native/<platform>/` with a manifest of what each was made from. All or none: compiled
modules call each other without looking names up, so one edited source puts all of them out of use until they are made anew.
Without them everything works the same, at about half the speed. `TOS_PROXY_NATIVE=0` leaves them aside.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

SUFFIX = EXTENSION_SUFFIXES[0]
"""Names interpreter and platform, `.cpython-311-x86_64-linux-gnu.so`: what was compiled for another one is not seen."""
ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "_native" / SUFFIX.strip(".").rpartition(".")[0]
MANIFEST = "sources.sha256"
"""As sha256sum(1) writes it: digest, two spaces, path from the root."""


def digest(source: Path) -> str:
    """64 hex digits of SHA-256 of a source."""
    return hashlib.sha256(source.read_bytes()).hexdigest()


def fitting(folder: Path = FOLDER, root: Path = ROOT) -> dict[str, Path]:
    """The compiled modules by name, with the library they share; none unless every one of them fits its source."""
    try:
        manifest = (folder / MANIFEST).read_text("ascii").splitlines()
        entries = [line.split("  ", 1) for line in manifest]
        if not entries or any(digest(root / path) != expected for expected, path in entries):
            return {}
    except (OSError, ValueError):
        return {}
    return {file.name.removesuffix(SUFFIX): file for file in folder.iterdir() if file.name.endswith(SUFFIX)}


class NativeFinder:
    """Finds compiled modules before their sources are looked for (importlib's meta path)."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        file = self._files.get(name)
        return None if file is None else spec_from_file_location(name, file)


def prefer() -> bool:
    """Let this process import the compiled modules, if there are any that fit and nobody said no. Returns: whether it will."""
    if os.environ.get("TOS_PROXY_NATIVE") == "0" or not (files := fitting()):
        return False
    sys.meta_path.insert(0, NativeFinder(files))
    return True
