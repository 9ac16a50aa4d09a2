"""Globs over names that clients choose: `*` and `?`, case ignored, in time proportional to both lengths whatever they hold."""

from __future__ import annotations


class Globs:
    """Globs in order, each with what it stands for; the first that matches counts."""

    def __init__(self, globs: list[tuple[str, str]]) -> None:
        self._exact: dict[str, int] = {}
        self._rest: list[tuple[int, str, str]] = []  # of each its place, its longest plain part, and itself
        self._targets = [target for _, target in globs]
        for at, (glob, _) in enumerate(globs):
            lowered = glob.lower()
            if "*" in lowered or "?" in lowered:
                self._rest.append((at, _core(lowered), lowered))
            else:
                self._exact.setdefault(lowered, at)

    def first(self, name: str) -> str:
        """What the first matching glob stands for; empty when none matches."""
        lowered = name.lower()
        exact = self._exact.get(lowered, len(self._targets))
        for at, core, glob in self._rest:
            if at > exact:
                break
            if core in lowered and matches(glob, lowered):
                return self._targets[at]
        return self._targets[exact] if exact < len(self._targets) else ""


def _core(glob: str) -> str:
    return max(glob.replace("?", "*").split("*"), key=len)


def matches(glob: str, name: str) -> bool:
    """Whether the whole of `name` is of the form `glob`; both lower-case."""
    first, *parts = glob.split("*")
    if not parts:
        return len(glob) == len(name) and _same(glob, name, 0)
    if not _same(first, name, 0):
        return False
    last = parts.pop()
    at, end = len(first), len(name) - len(last)
    for part in parts:
        at = _find(part, name, at, end)
        if at < 0:
            return False
        at += len(part)
    return at <= end and _same(last, name, end)


def _find(part: str, name: str, begin: int, end: int) -> int:
    if "?" not in part:
        return name.find(part, begin, end)
    for at in range(begin, end - len(part) + 1):
        if _same(part, name, at):
            return at
    return -1


def _same(part: str, name: str, at: int) -> bool:
    if "?" not in part:
        return name.startswith(part, at)
    if at + len(part) > len(name):
        return False
    return all(wanted in ("?", letter) for wanted, letter in zip(part, name[at : at + len(part)], strict=True))
