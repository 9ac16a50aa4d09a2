"""The same call one second before a change of terms and at its first instant: verdicts, and the clauses that decided them."""

from pathlib import Path
from typing import NamedTuple

import pytest

from proxy.terms.verdict import TermsJudge
from tests.terms_checks import LETTERS, judge, planted, second_before, shipped, shipped_judge, verdict


class Flip(NamedTuple):
    """On `day` the verdict for `row` and `purpose` goes `was` → `became`; the clauses `lost` and `gained` tell the texts apart.
    Where the text came with another model, `models` are the newest before and after.
    """

    day: str
    row: str
    purpose: str
    was: str
    became: str
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    models: tuple[str | None, str | None] = (None, None)


GENERAL, CLASSIFIER = "train.general", "train.classifier_internal"
LLAMAS = ("meta-llama/Meta-Llama-3-70B-Instruct", "meta-llama/Llama-3.1-70B-Instruct")
QWENS = ("Qwen/Qwen-72B-Chat", "Qwen/Qwen2.5-72B-Instruct")
ENTERPRISE, XAI = ("xai.enterprise.2b", "xai.enterprise.2e"), ("xai.aup.compete", "xai.aup.distill")

FLIPS = (
    Flip("2023-09-30", "microsoft.consumer", GENERAL, "A", "F", (), ("microsoft.msa.ai.iv",)),
    Flip("2023-11-14", "openai.consumer", GENERAL, "F", "F"),
    Flip("2023-12-14", "openai.consumer", GENERAL, "F", "F"),
    Flip("2024-02-27", "mistral.api", GENERAL, "F", "A", ("mistral.terms_of_use.compete",), ()),
    Flip("2024-05-22", "google.consumer", GENERAL, "F", "F", ("google.genai.any_ml",), ("google.tos.ai_content",)),
    Flip("2024-07-23", "self_hosted", GENERAL, "F", "O", ("llama-3.section-1.b.v",), ("llama-3.1.section-1.b.i",), LLAMAS),
    Flip("2024-09-19", "self_hosted", GENERAL, "F", "O", ("tongyi-qianwen.llm",), ("qwen.outputs",), QWENS),
    Flip("2024-10-31", "gemini.api", "resale.passthrough", "F", "R", ("gemini.api.power_api",), ()),
    Flip("2025-01-20", "deepseek.api", GENERAL, "R", "A", (), ("deepseek.platform.4.2",)),
    Flip("2025-05-31", "openai.api", CLASSIFIER, "O", "O"),
    Flip("2025-05-31", "openai.api", GENERAL, "F", "F"),
    Flip("2025-09-15", "anthropic.api", GENERAL, "F", "F"),
    Flip("2025-09-30", "microsoft.consumer", GENERAL, "F", "F"),
    Flip("2025-09-30", "microsoft.consumer", CLASSIFIER, "R", "F"),
    Flip("2025-12-17", "openai.api", GENERAL, "F", "F"),
    Flip("2026-01-23", "aws.bedrock", CLASSIFIER, "R", "F"),
    Flip("2026-01-23", "aws.bedrock", GENERAL, "F", "F"),
    Flip("2026-06-26", "xai.api", GENERAL, "F", "F", (), XAI),
    Flip("2026-06-26", "xai.consumer", GENERAL, "F", "F", ("xai.consumer.compete",), XAI),
    Flip("2026-08-14", "xai.api", GENERAL, "F", "F", ENTERPRISE, ()),
    Flip("2026-08-14", "xai.api", "eval.published", "R", "A", ("xai.enterprise.2j",), ()),
    Flip("2026-07-08", "meta.model_api", GENERAL, "O", "F", ("meta.llama_api.train",), ("meta.model_api.ix",)),
    Flip("2026-07-08", "meta.model_api", "eval.private", "A", "A", (), ("meta.model_api.ix.evaluation",)),
    Flip("2026-09-04", "bigmodel.api", GENERAL, "R", "F", (), ("zhipu.bigmodel.any_model",)),
)

TEXTS = (
    ("openai.terms_of_use", "2023-12-14", "openai.tou_eu.compete", "competing_models", "competing_models"),
    ("openai.services_agreement", "2025-05-31", "openai.services.17.permitted_exception", None, "competing_models"),
    ("anthropic.aup", "2025-09-15", "anthropic.aup.distillation", "any_model", "any_model"),
    ("microsoft.services_agreement", "2025-09-30", "microsoft.msa.ai.iv", "any_model", "any_model"),
    ("openai.developer_terms", "2025-12-17", "openai.developer.1.6f", None, "competing_models"),
    ("aws.service_terms", "2026-01-23", "aws.50.5", "competing_products", "any_model"),
    ("xai.aup", "2026-06-26", "xai.aup.compete", None, "competing_models"),
    ("xai.aup", "2026-08-14", "xai.aup.compete", "competing_models", "any_model"),
)
"""Document, day of a new text, a clause of it, and what it is about before (none: it was not there) and from that day on."""


def seen(judging: TermsJudge, flip: Flip) -> tuple[str, str]:
    """The letters before and after, once the clauses were found to be those of the texts."""
    letters = []
    for when, model, here, gone in (
        (second_before(flip.day), flip.models[0], flip.lost, flip.gained),
        (f"{flip.day}T00:00:00+00:00", flip.models[1], flip.gained, flip.lost),
    ):
        found = verdict(judging, when, flip.row, flip.purpose, model)
        assert set(here) <= set(found.clauses), when
        assert not set(gone) & set(found.clauses), when
        letters.append(LETTERS[found.verdict])
    return letters[0], letters[1]


@pytest.mark.parametrize("flip", FLIPS, ids=lambda flip: f"{flip.day} {flip.row} {flip.purpose}")
def test_a_change_of_terms_counts_from_its_first_instant(flip: Flip) -> None:
    """Each change that is known by its day turns the verdict, or the clause that decides it, at midnight UTC to the second."""
    assert seen(shipped_judge(), flip) == (flip.was, flip.became)


@pytest.mark.parametrize(("document", "day", "clause", "before", "after"), TEXTS)
def test_a_text_says_what_it_said_then(document: str, day: str, clause: str, before: str | None, after: str) -> None:
    """Where the verdict stayed, the text of the day still differs from the one before it."""
    texts = shipped().texts[document]
    place = [text.spec.effective.from_.isoformat() for text in texts].index(day)
    scopes = [next((each.scope for each in text.spec.clauses if each.id == clause), None) for text in texts]
    assert (scopes[place - 1] if place else None, scopes[place]) == (before, after)
    if before is not None:
        said = [next(each.summary for each in texts[at].spec.clauses if each.id == clause) for at in (place - 1, place)]
        assert said[0] != said[1] or document == "openai.terms_of_use"


def test_a_day_that_is_one_off_shows(tmp_path: Path) -> None:
    """A cell that turns a day early is caught by the second before midnight."""
    changed = planted(
        tmp_path,
        "meta/meta.model_api.yaml",
        "purpose: [train.general]\n      verdict: forbid",
        "purpose: [train.general]\n      verdict: review",
    )
    late = planted(
        tmp_path / "late",
        "deepseek/deepseek.api.yaml",
        "[train.general]\n      verdict: allow\n      basis: express_grant\n      from: 2025-01-20",
        "[train.general]\n      verdict: allow\n      basis: express_grant\n      from: 2025-01-21",
    )
    by_row = {(flip.row, flip.purpose, flip.day): flip for flip in FLIPS}
    assert seen(judge(changed), by_row["meta.model_api", GENERAL, "2026-07-08"]) == ("O", "R")
    with pytest.raises(AssertionError, match="2025-01-20"):
        seen(judge(late), by_row["deepseek.api", GENERAL, "2025-01-20"])
