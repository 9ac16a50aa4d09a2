"""A body that is whole, read again in pieces: from memory, from the spool, and without the coding that it came in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from proxy.core.oneshot import Oneshot
from proxy.wire.coding import Decoder

_MOST_DECODED = 2 * 1024 * 1024 * 1024


class Source(Protocol):
    """The bytes of a body, in pieces."""

    def next(self) -> Awaitable[bytes]:
        """The next piece, empty after the last."""
        ...


class Held:
    """A body that is in memory, as a source."""

    def __init__(self, whole: bytes) -> None:
        self._whole = whole

    def next(self) -> Oneshot[bytes]:
        """All of it, once."""
        oneshot: Oneshot[bytes] = Oneshot()
        oneshot.set(self._whole)
        self._whole = b""
        return oneshot


class Decoded:
    """An encoded body as it will be read upstream, as a source. `torn` is called when it cannot be decoded to its end."""

    def __init__(self, encoded: Source, coding: bytes, torn: Callable[[], None]) -> None:
        self._encoded = encoded
        self._decoder = Decoder(coding, most_bytes=_MOST_DECODED)
        self._pieces: Iterator[bytes] = iter(())
        self._torn = torn

    async def next(self) -> bytes:
        """The next piece."""
        while True:
            for piece in self._pieces:
                if piece:
                    return piece
            encoded = await self._encoded.next()
            if not encoded:
                self._decoder.finish()
                if self._decoder.state != "read":
                    self._torn()
                return b""
            self._pieces = self._decoder.feed(encoded)
