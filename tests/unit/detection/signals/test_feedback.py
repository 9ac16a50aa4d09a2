"""The signal `feedback` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from proxy.detection.records import Observation
from tests.unit.detection.traffic import asked, filling, terms_after


def evolving(*, back: bool) -> list[Observation]:
    """Each prompt holds the answer before, or what nobody said."""
    seen = []
    for n in range(60):
        held = filling(n + 4999 if back else n + 9000, 12)
        seen.append(asked(f"Make this one richer. {held}.", n, answer=filling(n + 5000, 12), answer_chars=90))
    return seen


def test_answers_that_come_back() -> None:
    """An answer in the prompt of another conversation is fed back; other text is not."""
    assert terms_after(evolving(back=True))["fed_back"] > 0.9
    assert terms_after(evolving(back=False))["fed_back"] == 0


def test_an_echo_is_nothing() -> None:
    """What the model merely repeats of the prompt does not make the next prompt one that was fed."""
    text = "Please say what this passage is about in plain words"
    seen = [asked(f"{text}. {filling(n)}.", n, answer=text, answer_chars=60) for n in range(60)]
    assert terms_after(seen)["fed_back"] == 0


def asking_itself(*, wrapped: bool) -> list[Observation]:
    """A task is made up, then asked: bare, or in a text that is always the same."""
    seen = []
    for n in range(40):
        task = filling(n, 12)
        seen.append(asked(f"Please think of something that takes a while, about {n} lions.", 2 * n, answer=task, answer_chars=90))
        text = f"Look this up in the archive of the town and name the source.\n{task}" if wrapped else task
        seen.append(asked(text, 2 * n + 1, answer=filling(n + 3000, 12), answer_chars=90))
    return seen


def test_a_model_that_is_asked_what_it_wrote() -> None:
    """A prompt that is nothing but an answer to another is the model's own; one in which a program wants something of it is not."""
    bare, wrapped = terms_after(asking_itself(wrapped=False)), terms_after(asking_itself(wrapped=True))
    assert bare["self_asked"] > 0.8
    assert (wrapped["fed_back"] > 0.8, wrapped["self_asked"]) == (True, 0.0)


def test_a_role_does_not_hide_what_is_asked() -> None:
    """A system text that is always the same changes nothing: the question is the model's own all the same."""
    roles = ("You make up messages of guests.", "You answer the guests of a hotel.")
    seen = [asked(each.prompt, n, system=roles[n % 2], answer=each.answer) for n, each in enumerate(asking_itself(wrapped=False))]
    assert terms_after(seen)["self_asked"] > 0.8


def test_what_is_made_of_answers_at_a_temperature() -> None:
    """Answers that come back to be answered anew are told from those that are looked at once, by the temperature that is set."""
    seen = evolving(back=True)
    for temperature, told in ((0.9, True), (0.0, False), (None, False)):
        again = [asked(each.prompt, n, answer=each.answer, answer_chars=90, temperature=temperature) for n, each in enumerate(seen)]
        assert (terms_after(again)["fed_warm"] > 0.9) == told, temperature
