"""What a client's memory makes of each observation; that it is bounded shows in `test_window.py`."""

from __future__ import annotations

from proxy.detection.reading import RECENT, Known, Memory
from tests.unit.detection.traffic import asked, filling


def test_new_soon_again_and_late() -> None:
    """A prompt is new once, then soon again, and late when more than 64 others came between."""
    memory, known = Memory(), Known()
    assert memory.read(asked("the same prompt", 0), known).new
    assert memory.read(asked("the same prompt", 1), known).quick
    for n in range(RECENT):
        memory.read(asked(filling(n), n), known)
    late = memory.read(asked("the same prompt", 99), known)
    assert late.late
    assert not late.new
    assert not late.quick


def test_clients_do_not_share_a_memory() -> None:
    """What one client sent is new from another."""
    known = Known()
    Memory().read(asked("the same prompt", 0), known)
    assert Memory().read(asked("the same prompt", 1), known).new


def test_tokens_are_guessed_where_nobody_counted() -> None:
    """A quarter of the characters stands for tokens that no usage tells."""
    made = Memory().read(asked("x", 0, output_tokens=0, input_tokens=0, answer_chars=400, prompt_chars=80), Known())
    assert (made.out, made.given, made.answered) == (100, 20, True)


def test_shared_knowledge_is_bounded() -> None:
    """System texts and what pieces say are kept up to a bound, and come out the same when they are worked out anew."""
    known = Known()
    first = known.cut_system("Translate the text of the user.")
    for n in range(2 * Known.SYSTEMS):
        known.cut_system(f"system text of number {filling(n)}")
    for n in range(2 * Known.SAID):
        known.said(n, "plain")
    assert len(known._systems) <= Known.SYSTEMS
    assert len(known._said) <= Known.SAID
    assert known.cut_system("Translate the text of the user.") == first
