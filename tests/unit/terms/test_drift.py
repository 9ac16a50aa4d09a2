"""Drift: a clause is found by its fingerprint however its line is decorated, and what is gone is told from what has changed."""

from pathlib import Path

import pytest

from proxy.terms.catalog import read
from proxy.terms.drift import Read, clauses_read, compared, fingerprint
from tests.catalogues import FILES, written

WAS = "You may not use Output to develop artificial intelligence models that compete with our products and services."
NEW = "You may not use Output to develop any artificial intelligence models that compete with products and services of ours."


@pytest.mark.parametrize(
    "line",
    [
        "**You may not** use Output to train [models](https://x.example/a_b).",
        "> you  may not use output\tto train models.",
        "# You may not use `Output` to train _models_.",
        "Ｙou may not use Output to train models.",  # noqa: RUF001 - a full-width letter
    ],
)
def test_decoration_does_not_count(line: str) -> None:
    """Marks, links, white space and letters of another width leave the fingerprint as it is."""
    assert fingerprint(line) == fingerprint("You may not use Output to train models.")
    assert fingerprint(line) != fingerprint("You may use Output to train models.")


def states(texts: dict[str, list[str]], **known: str) -> list[str]:
    wanted = [
        Read("a.1", "a", fingerprint(WAS), "No competing artificial intelligence models from output.", **known),
        Read("a.2", "a", fingerprint("No reverse engineering of the services."), "No reverse engineering."),
    ]
    return [each.state for each in compared(wanted, texts)]


def test_changed_is_told_from_vanished() -> None:
    """A line much like it is a change, none is a clause that is gone; a document of which nothing was given was not read."""
    kept = "No reverse engineering of the services."
    assert states({"t": ["Intro", WAS, kept]}) == ["unchanged", "unchanged"]
    assert states({"t": ["Intro", NEW, kept]}, was=WAS) == ["changed", "unchanged"]
    assert states({"t": ["Intro", NEW, kept]}) == ["changed", "unchanged"]
    assert states({"t": ["Intro", kept]}, was=WAS) == ["vanished", "unchanged"]
    assert states({"t": ["Intro", "Something else entirely"]}) == ["unread", "unread"]
    assert states({"a.md": ["Intro"]}) == ["vanished", "vanished"]
    assert states({}, file="a.md") == ["vanished", "unread"]


def test_the_newest_text_is_what_counts(tmp_path: Path) -> None:
    """Clauses of a text that another followed, and of a document that ended, are not looked for."""
    assert clauses_read(read(written(tmp_path / "a"))) == []
    text = FILES["acme/agreement@2026-01-01.yaml"].replace(
        "stored_primary, review_by: 2028", "stored_primary, fingerprint: aaaaaaaaaaaaaaaa, review_by: 2028"
    )
    found = clauses_read(read(written(tmp_path / "b", {"acme/agreement@2026-01-01.yaml": text})))
    assert [(each.clause, each.fingerprint) for each in found] == [("acme.compete", "a" * 16)]
