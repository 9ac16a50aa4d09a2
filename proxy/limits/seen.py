"""Which prompts were counted lately, so that the same one again does not count: bounded, the oldest forgotten first."""

from __future__ import annotations

from collections import OrderedDict

from proxy.core.buckets import Key

MOST = 65_536
"""Prompts that are remembered at once, of all principals: 12 MB. What is forgotten counts again."""


class Seen:
    """Prompts by keyed digest; none is kept in a form that tells it."""

    __slots__ = ("_most", "_since")

    def __init__(self, most: int = MOST) -> None:
        self._since: OrderedDict[tuple[Key, int], float] = OrderedDict()
        self._most = most

    def known(self, key: Key, prompt: int, now: float, seconds: float) -> bool:
        """Whether it was counted within the last `seconds`."""
        since = self._since.get((key, prompt))
        return since is not None and now - since < seconds

    def add(self, key: Key, prompt: int, now: float) -> None:
        """It counts now."""
        since = self._since
        since[key, prompt] = now
        since.move_to_end((key, prompt))
        if len(since) > self._most:
            since.popitem(last=False)
