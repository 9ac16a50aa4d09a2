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


def test_steps_of_an_agent_are_no_questions_of_the_model() -> None:
    """With a system text of its own whoever gets an answer has another part to play."""
    seen = asking_itself(wrapped=False)
    with_role = [
        asked(each.prompt, n, system="You look things up for the crew.", answer=each.answer) for n, each in enumerate(seen)
    ]
    assert terms_after(with_role)["self_asked"] == 0
