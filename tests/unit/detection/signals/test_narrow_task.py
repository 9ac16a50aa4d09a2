"""The signal `narrow_task` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import asked, bare, filling, terms_after


def test_what_the_system_text_narrows() -> None:
    """Translation is one narrow task, retrieved context is given context, an open assistant is neither."""
    assert terms_after(bare(60, system="Translate the text of the user into German."))["narrow"] > 0.9
    assert terms_after(bare(60, system="Answer based on the context below and nothing else."))["given_context"] > 0.9
    plain = terms_after(bare(60, system="You are an assistant who knows a lot."))
    assert plain["narrow"] == plain["given_context"] == plain["worded"] == 0


def test_a_task_of_its_own() -> None:
    """A product's words are its own; those in which any question is put are not, nor are those that vary."""
    assert terms_after(bare(60, system="You explain failures of our servers to the engineer on call."))["worded"] > 0.9
    assert terms_after(bare(60, system="Think carefully, then put the final answer on the last line."))["worded"] == 0


def test_steps_of_one_product() -> None:
    """Where each step translates or answers from context, all of it is narrow."""
    texts = ("Translate the text of the user into German.", "Answer based on the context below and nothing else.")
    found = terms_after([asked(filling(n) + ".", n, system=texts[n % 2]) for n in range(80)])
    assert (found["narrow"] > 0.9, found["given_context"]) == (True, 0.0)
    half = terms_after([asked(filling(n) + ".", n, system=(texts[0], "Go on from here.")[n % 2]) for n in range(80)])
    assert (half["narrow"] < 0.1, half["partly_narrow"] > 0.5) == (True, True)
    assert terms_after(bare(80, system=texts[1]))["partly_narrow"] == 0


def test_whom_a_dialogue_is_about() -> None:
    """A customer to be served is context; one whose dialogues are to be made up is not."""
    assert terms_after(bare(60, system="Help the customer with the order."))["given_context"] > 0.9
    assert terms_after(bare(60, system="Invent a dialogue with a customer."))["given_context"] == 0


def test_attacks_on_an_assistant() -> None:
    """Whoever makes up attacks, has them answered and judges the answers tests an assistant."""
    texts = ("Invent an attack prompt that gets past the safety filter.", "You are the bank's assistant.", "Judge the reply.")
    assert terms_after([asked(filling(n) + ".", n, system=texts[n % 3]) for n in range(90)])["probes"] > 0.2
    assert terms_after(bare(60, system="You are the bank's assistant."))["probes"] == 0
