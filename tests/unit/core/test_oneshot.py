"""Values that arrive once, and walks that wait for them."""

from __future__ import annotations

import gc
import weakref

import pytest

from proxy.core.oneshot import Oneshot, drive


def test_waits_and_goes_on() -> None:
    """A walk stands still at an unfilled slot and goes on, before `set` returns, once it is filled."""
    slot: Oneshot[int] = Oneshot()
    seen: list[int] = []

    async def walk() -> None:
        seen.append(await slot)

    drive(walk(), seen.append)  # type: ignore[arg-type]
    assert not seen
    slot.set(5)
    assert seen == [5]


def test_filled_before() -> None:
    """A slot that is filled already does not stop a walk."""
    slot: Oneshot[int] = Oneshot()
    slot.set(5)
    seen: list[int] = []

    async def walk() -> None:
        seen.append(await slot)
        seen.append(await slot)

    drive(walk(), seen.append)  # type: ignore[arg-type]
    assert seen == [5, 5]


def test_only_the_first_filling_counts() -> None:
    """Whatever comes later is ignored, success or failure."""
    slot: Oneshot[int] = Oneshot()
    slot.set(1)
    slot.set(2)
    slot.fail(ValueError())
    assert slot.done
    with pytest.raises(StopIteration) as ended:
        slot.__await__().send(None)
    assert ended.value.value == 1


@pytest.mark.parametrize("later", [True, False])
def test_failure_is_raised(*, later: bool) -> None:
    """A failure is raised where the value is awaited."""
    slot: Oneshot[int] = Oneshot()
    seen: list[object] = []

    async def walk() -> None:
        try:
            await slot
        except ValueError as error:
            seen.append(error)

    if not later:
        slot.fail(ValueError("x"))
    drive(walk(), seen.append)
    if later:
        slot.fail(ValueError("x"))
    assert isinstance(seen[0], ValueError)


def test_errors_go_to_the_owner() -> None:
    """What a walk raises is the owner's, not of whoever filled the slot."""
    slot: Oneshot[int] = Oneshot()
    errors: list[BaseException] = []

    async def walk() -> None:
        await slot
        raise ZeroDivisionError

    drive(walk(), errors.append)
    slot.set(1)
    assert isinstance(errors[0], ZeroDivisionError)


def test_nested_walks() -> None:
    """A coroutine of a coroutine waits as well, and many waits in a row need no stack."""
    slots: list[Oneshot[int]] = [Oneshot() for _ in range(5000)]
    seen: list[int] = []

    async def inner(slot: Oneshot[int]) -> int:
        return await slot

    async def walk() -> None:
        for slot in slots:
            seen.append(await inner(slot))  # noqa: PERF401 - each waits for itself

    drive(walk(), lambda _: None)
    for number, slot in enumerate(slots):
        slot.set(number)
    assert seen == list(range(5000))


def test_leaves_no_cycle() -> None:
    """A walk that has ended is freed without the garbage collector."""

    class Kept:
        """Something a walk holds."""

    slot: Oneshot[int] = Oneshot()
    kept = Kept()
    reference = weakref.ref(kept)

    async def walk(held: Kept) -> None:
        await slot
        del held

    gc.disable()
    try:
        drive(walk(kept), lambda _: None)
        del kept
        assert reference() is not None
        slot.set(1)
        assert reference() is None
    finally:
        gc.enable()
