"""Kinds of file: the decision record's examples are valid, and what is wrong is told with its place and a hint."""

import re
from pathlib import Path

import pytest

from proxy.documents.checking import checked
from proxy.documents.reading import read_document
from proxy.terms import schema

RECORD = Path(__file__).parents[3] / "docs" / "adr" / "0013-terms-as-tables.md"


def problems(text: str) -> list[str]:
    document = read_document(text.encode(), "x.yaml")
    return [str(problem) for problem in checked(document, schema.KINDS[document.tree["kind"]])[1]]


def test_the_examples_of_the_decision_record_are_valid() -> None:
    """What the record shows is what the files may look like, every kind of them."""
    blocks = re.findall(r"```yaml\n(.*?)```", RECORD.read_text(), re.DOTALL)
    parts = [
        part if "apiVersion" in part else f"apiVersion: tos-proxy/v1\n{part}" for block in blocks for part in block.split("---\n")
    ]
    assert len(parts) >= 5
    for part in parts:
        assert problems(part) == []


CONTRACT = """apiVersion: tos-proxy/v1
kind: Contract
metadata: {name: a.api}
spec:
  matrix:
    - """


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "{purpose: train.generall, verdict: forbid}",
            "x.yaml:6:17: spec.matrix.0.purpose.0: unknown purpose 'train.generall', did you mean",
        ),
        ("{purpose: undeclared, verdict: allow}", "judged as use.internal"),
        ("{purpose: use.product, verdict: allow_with_obligations}", "should name obligations"),
        ("{purpose: use.product, verdict: allow, basis: prohibition}", "a prohibition cannot be the basis of allow"),
        ("{purpose: use.product, verdict: allow, from: 2026-01-02, until: 2026-01-02}", "until should be later than from"),
        ("{purpose: use.product, verdict: allow, from: 2026-02-30}", "2026-02-30 is no day of the calendar"),
        ("{purpose: use.product, verdict: allow, from: 20260102}", "should be a day such as 2026-01-31"),
        ("{purpose: use.product, verdict: allow, requires: {distributed: false}}", "put it in quotes"),
        ("{purpose: use.product, verdict: allow, clause: [x]}", "unknown key (did you mean clauses?)"),
    ],
)
def test_a_wrong_line_is_told(line: str, told: str) -> None:
    """Each mistake in a line of the matrix has its place and says what was expected."""
    found = problems(CONTRACT + line)
    assert any(told in problem for problem in found), found
    assert all(problem.startswith("x.yaml:6:") for problem in found)


def test_an_agreement_is_of_a_tenant() -> None:
    """Days of acceptance need the row they are about, and changes to a row need a reference and an approver."""
    head = "apiVersion: tos-proxy/v1\nkind: Contract\nmetadata: {name: a.b}\nspec:\n  "
    assert "an agreement has no hosts" in problems(head + "{base: a, hosts: [api.example]}")[0]
    assert "name the row that it changes in base" in problems(head + "order_form_at: 2026-01-01")[0]
    assert (
        "agreement: {reference, approver, expires}"
        in problems(head + "{base: a, matrix: [{purpose: use.product, verdict: allow}]}")[0]
    )
