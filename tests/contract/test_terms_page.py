"""The page on what the shipped terms cover is in step with them."""

from pathlib import Path

from docs.generate_terms_coverage import PAGE, renewed
from tests.terms_checks import planted, shipped


def test_the_page_says_what_the_terms_say() -> None:
    """Every generated table is that of the terms; `python -m docs.generate_terms_coverage` writes them."""
    page = PAGE.read_text()
    assert renewed(page, shipped()) == page


def test_a_page_of_other_terms_differs(tmp_path: Path) -> None:
    """One letter, one confidence and one day each change the page."""
    page = PAGE.read_text()
    for at, (file, old, new) in enumerate(
        (
            ("openai/openai.api.yaml", "[train.general], verdict: forbid", "[train.general], verdict: review"),
            ("groq/groq.services_agreement@2026-06-22.yaml", "second_hand", "memory"),
            ("licences/licence.mit.yaml", "verdict: allow", "verdict: review"),
        )
    ):
        assert renewed(page, planted(tmp_path / str(at), file, old, new)) != page
