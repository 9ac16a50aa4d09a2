"""Compiling: days to cells, and what is told of clauses."""

from pathlib import Path

import pytest

from proxy.core.terms import Row
from proxy.terms import compiling
from proxy.terms.catalog import Catalogue, read
from proxy.terms.releases import terms_folder
from tests.catalogues import FILES, instant, written


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return read(written(tmp_path))


def cells(rows: dict[str, Row], row: str, purpose: str) -> list[tuple[str, int | None, int | None]]:
    return [(cell.verdict, cell.starts, cell.until) for cell in rows[row].cells[purpose]]


def test_a_line_is_cut_where_its_newest_text_has_to_be_read_again(catalogue: Catalogue) -> None:
    """The review day of the newest text cuts the cell, that of a text that another followed says nothing."""
    until = instant("2027-06-01")
    assert cells(compiling.rows(catalogue), "acme.api", "train.classifier_internal") == [
        ("allow_with_obligations", None, until),
        ("review", until, instant("2027-12-01")),
    ]


def test_a_weak_cell_says_why(catalogue: Catalogue) -> None:
    """What makes a cell a review where its line says better is told to whoever reads it."""
    rows = compiling.rows(catalogue)
    assert rows["acme.api"].cells["train.classifier_internal"][1].note == "has to be read again since 2027-06-01"
    assert rows["acme.api"].cells["data.publish"][0].note == "known from memory alone"


def test_a_row_has_the_days_of_its_texts(catalogue: Catalogue) -> None:
    """Versions are the days on which any of a row's documents changed."""
    row = compiling.rows(catalogue)["acme.api"]
    assert row.versions == ((instant("2025-01-01"), "2025-01-01"), (instant("2026-01-01"), "2026-01-01"))
    assert (row.version, row.hosts, row.plans) == (
        "2026-01-01",
        ("api.acme.example", "*.acme.test"),
        {"oauth_subscription": "acme.consumer"},
    )


def test_a_digest_is_of_all_that_a_row_says(catalogue: Catalogue, tmp_path: Path) -> None:
    """The same files make the same digests, and a word in an obligation makes another one for that row alone."""
    before = {name: row.digest for name, row in compiling.rows(catalogue).items()}
    text = FILES["host/host.api.yaml"].replace("pass the model's terms on", "pass them on")
    after = {name: row.digest for name, row in compiling.rows(read(written(tmp_path, {"host/host.api.yaml": text}))).items()}
    assert {name for name in before if before[name] != after[name]} == {"host.api"}
    assert all(len(digest) == 16 for digest in before.values())


def test_clauses_are_told_in_their_newest_text(catalogue: Catalogue) -> None:
    """Each clause once, with its rows, the day on which it has to be read again, and the day on which its text lost it."""
    clauses = {clause.id: clause for clause in compiling.clauses(catalogue)}
    assert clauses["acme.exception"].review_by == instant("2027-06-01")
    assert clauses["acme.exception"].rows == ("acme.api",)
    assert clauses["acme.rumour"].confidence == "memory"
    assert clauses["acme.compete"].gone is None
    assert clauses["acme.probing"].url == "https://acme.example/policy"


def test_what_rests_on_silence_is_told_by_its_day(catalogue: Catalogue) -> None:
    """Uses that are allowed by no clause and have to be looked at again, with their rows; of the shipped ones the rows of today."""
    assert [(each.review_by, each.rows) for each in compiling.unsaid(catalogue)] == [(instant("2027-01-01"), ("acme.api",))]
    shipped = {row for each in compiling.unsaid(read(terms_folder())) for row in each.rows}
    assert {"openai.api", "anthropic.api", "self_hosted"} <= shipped


def test_models_keep_their_order(catalogue: Catalogue) -> None:
    """Globs stand in the order of the file, under the catalogue's version."""
    models = compiling.models(catalogue)
    assert [tuple(each) for each in ((glob.glob, glob.row) for glob in models.globs)] == [
        ("open-*", "licence.open"),
        ("acme-*", "acme.api"),
    ]
    assert models.version == "2026.01.1"


def test_a_bar_that_was_read_stays_one() -> None:
    """What allows goes stale when its text has to be read again; what forbids does not, nor is it less sure."""
    row = compiling.rows(read(terms_folder()))["openai.api"]
    bar, exception = row.cells["train.general"][-1], row.cells["train.classifier_internal"][-1]
    assert (bar.verdict, bar.until, bar.confirmed) == ("forbid", None, True)
    assert (exception.verdict, exception.until, exception.confirmed) == ("review", None, False)
