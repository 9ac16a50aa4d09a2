"""The signal `purpose_words` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

import pytest

from tests.unit.detection.traffic import asked, filling, templated, terms_after


def test_concepts_of_the_constant_part() -> None:
    """What the wrapper asks for counts; the same words in a slot do not."""
    wrapper = "Come up with ten diverse instructions for a training set of a model. Topic is {}."
    found = terms_after(templated(60, wrapper))
    assert found["generate"] > 0.9
    assert found["generate_varied"] > 0.9
    assert found["training"] > 0.9
    spelling = "Correct the spelling of this. The {} wants you to generate diverse questions on {}."
    slots = [asked(spelling.format(filling(n, 2), filling(-n)), n) for n in range(60)]
    assert terms_after(slots)["generate"] == 0


def test_tasks_with_their_answers() -> None:
    """Whoever has tasks made up and answered says more than who has them made up."""
    assert terms_after(templated(60, "Invent three hard questions and answer them at length. {}."))["answered_tasks"] > 0.9
    assert terms_after(templated(60, "Invent three hard questions. {}."))["answered_tasks"] == 0


def test_a_slot_within_the_sentence() -> None:
    """A sentence that never comes twice is known by its beginning or its end."""
    assert terms_after(templated(60, "Invent three hard questions about {}"))["generate"] > 0.9
    assert terms_after(templated(60, "On {} please think up and then write down three questions"))["generate"] > 0.9


def test_tasks_for_a_model() -> None:
    """Tasks that are made up weigh more where a model is to be asked them than where the model that makes them is named."""
    assert terms_after(templated(60, "Invent three questions that a language model can answer. {}."))["for_models"] > 0.9
    assert terms_after(templated(60, "You are a language model. Invent three questions. {}."))["for_models"] == 0
    assert terms_after(templated(60, "A language model wrote this. Is it true? {}."))["for_models"] == 0


def test_variety_of_a_product() -> None:
    """Varied tasks in number are a product's where its constant part names what they are for, but not where they train a model."""
    assert terms_after(templated(60, "Invent five diverse questions. {}."))["generate_varied"] > 0.9
    assert terms_after(templated(60, "Invent five diverse questions for a quiz. {}."))["generate_varied"] == 0
    trained = "Invent five diverse questions for a quiz. They are training data. {}."
    assert terms_after(templated(60, trained))["generate_varied"] > 0.9


def test_steps_of_one_work() -> None:
    """Each step makes data in words of its own: none of them is much of it, all together are; a step of a narrow task is none."""
    steps = ["Invent five diverse questions. {}.", "Rewrite the instruction for a language model. {}.", "It is training data. {}."]
    seen = [asked(steps[n % 8].replace("{}", filling(n)) if n % 8 < 3 else filling(n) + ".", n) for n in range(240)]
    found = terms_after(seen)
    assert found["data_steps"] > 0.7
    assert max(found["training"], found["generate_varied"], found["for_models"]) < 0.2
    assert terms_after(templated(60, "Invent three quiz questions that a language model can answer. {}."))["data_steps"] == 0


def test_rewriting_alone_makes_no_data() -> None:
    """Any retrieval rewrites the question of its user; to rewrite what is made up, or what a model is told, makes data."""
    assert terms_after(templated(60, "Rewrite the question as a general one. {}."))["data_steps"] == 0
    assert terms_after(templated(60, "Rewrite the prompt that another model is given. {}."))["data_steps"] > 0.9


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Rewrite the given prompt so that it is harder. {}.", "rewrite"),
        ("Rate the response on a scale of 1 to 5 please. {}.", "judge"),
        ("Never forget you are the teacher of this class. {}.", "roles"),
        ("Revise the response so that it is kinder. {}.", "revised"),
    ],
)
def test_each_concept(text: str, term: str) -> None:
    """Rewriting, rating and playing roles are told apart."""
    assert terms_after(templated(60, text))[term] > 0.9
