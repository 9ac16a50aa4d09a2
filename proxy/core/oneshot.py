"""A value that arrives once, and coroutines that wait for such values without an event loop.

The corridor is one coroutine per exchange. A Task per exchange and a Future per wait would cost it about 10 µs; here the
callback that has the value resumes the coroutine itself, so a wait costs a function call. The price is a rule: a coroutine
run by `drive` awaits only `Oneshot`s (and coroutines made of them).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Oneshot(Generic[T]):
    """A slot filled once, by `set` or `fail`, and awaited by at most one coroutine. Later fillings are ignored."""

    __slots__ = ("_error", "_resume", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._resume: Callable[[], None] | None = None

    def set(self, value: T) -> None:
        """Fill the slot and resume whoever waits, before returning."""
        if self.done:
            return
        self.done = True
        self._value = value
        if (resume := self._resume) is not None:
            self._resume = None
            resume()

    def fail(self, error: BaseException) -> None:
        """Fill the slot with an error, which is raised where the value is awaited."""
        if self.done:
            return
        self._error = error
        self.set(cast("T", None))

    def __await__(self) -> Generator[Oneshot[Any], None, T]:
        if not self.done:
            yield self
        if self._error is not None:
            raise self._error
        return cast("T", self._value)


def drive(coroutine: Coroutine[Oneshot[Any], None, None], on_error: Callable[[BaseException], None]) -> None:
    """Run a coroutine until it ends, each time as far as its next unfilled Oneshot.

    Errors: whatever the coroutine raises goes to `on_error`, never to the callback that happened to resume it.
    """
    _Walk(coroutine, on_error).step()


class _Walk:
    """A coroutine on its way; no closure, since a closure that names itself is a cycle, and one per exchange is garbage."""

    __slots__ = ("_coroutine", "_on_error")

    def __init__(self, coroutine: Coroutine[Oneshot[Any], None, None], on_error: Callable[[BaseException], None]) -> None:
        self._coroutine = coroutine
        self._on_error = on_error

    def step(self) -> None:
        """Run as far as the next unfilled Oneshot."""
        try:
            while True:
                oneshot = self._coroutine.send(None)
                if not oneshot.done:
                    oneshot._resume = self.step  # noqa: SLF001 - drive and Oneshot are two halves of one thing
                    return
        except StopIteration:
            return
        except BaseException as error:  # noqa: BLE001 - the coroutine is nobody's child; its owner is told
            self._on_error(error)
