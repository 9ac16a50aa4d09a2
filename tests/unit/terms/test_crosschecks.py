"""What files say of each other: each contradiction is told with file, line and column, and a hint where there is one."""

from pathlib import Path

import pytest

from proxy.documents.problems import ConfigurationError
from proxy.terms.catalog import read
from tests.catalogues import FILES, written

API = FILES["acme/acme.api.yaml"]
MODELS = FILES["models.yaml"]
AGREEMENT = FILES["acme/agreement@2026-01-01.yaml"]


def told(folder: Path, changed: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(written(folder, changed))
    return [str(problem) for problem in caught.value.problems]


def contract(matrix: str, rest: str = "") -> str:
    return f"kind: Contract\nmetadata: {{name: new.api}}\nspec:\n  documents: [acme.agreement]\n{rest}  matrix: [{matrix}]\n"


@pytest.mark.parametrize(
    ("file", "text", "place", "message"),
    [
        (
            "new.yaml",
            contract("{purpose: use.product, verdict: allow, clauses: [acme.compet]}"),
            "6:",
            "did you mean acme.compete?",
        ),
        (
            "new.yaml",
            contract("{purpose: use.product, verdict: allow, clauses: [acme.probing]}"),
            "6:",
            "documents: [acme.policy]",
        ),
        (
            "new.yaml",
            contract("{purpose: use.product, verdict: allow, clauses: [acme.any_model]}"),
            "6:",
            "acme.any_model is not in acme.agreement as of 2025-01-01 (from: 2026-01-01)",
        ),
        (
            "new.yaml",
            contract("{purpose: use.product, verdict: allow}, {purpose: [eval.private, use.product], verdict: allow}"),
            "6:",
            "use.product has a line already for these days",
        ),
        ("new.yaml", contract("{purpose: use.product, verdict: allow}", "  base: acme.ap\n"), "", "agreement: {reference"),
        ("new.yaml", contract("", "  base: acme.ap\n"), "6:", "no contract is named acme.ap (did you mean acme.api?)"),
        ("new.yaml", contract("", "  plans: {coding_plan: acme.coding}\n"), "6:", "no row is named acme.coding"),
        ("new.yaml", contract("", "  hosts: [API.acme.example]\n"), "6:", "is already a host of acme.api"),
        ("new.yaml", API, "3:", "acme.api is already in"),
        ("new.yaml", FILES["catalogue.yaml"], "2:", "a second Catalogue"),
        ("new.yaml", API.replace("acme.api, title", "catalogue, title"), "3:", "is what the whole is called"),
        ("new.yaml", MODELS, "2:", "a second Models"),
        ("models.yaml", MODELS.replace("licence.open", "licence.opn"), "6:", "did you mean licence.open?"),
        ("new.yaml", AGREEMENT, "3:", "acme.agreement of 2026-01-01 is already in"),
        ("new.yaml", AGREEMENT.replace("acme.agreement", "acme.other"), "9:", "acme.compete is a clause of acme.agreement"),
        ("acme/agreement@2026-01-02.yaml", AGREEMENT, "5:", "is not the day in the file's name, 2026-01-02"),
        (
            "licences/licence.open.yaml",
            FILES["licences/licence.open.yaml"].replace("verdict: allow}", "verdict: model}"),
            "6:",
            "a licence is the model's own row",
        ),
    ],
)
def test_a_contradiction_is_told(tmp_path: Path, file: str, text: str, place: str, message: str) -> None:
    """Names, days and clauses that do not fit together are told where they stand."""
    found = told(tmp_path, {file: text})
    assert any(message in problem and f"{file}:{place}" in problem for problem in found), found


def test_a_text_that_loses_a_clause_ends_the_line(tmp_path: Path) -> None:
    """A line that goes on after its clause is gone is the mistake that a change of terms invites."""
    text = AGREEMENT.replace('    - {id: acme.exception, section: "17"', '    - {id: acme.other, section: "17"')
    found = told(tmp_path, {"acme/agreement@2026-01-01.yaml": text})
    assert any("acme.exception is not in acme.agreement as of 2026-01-01 (until: 2026-01-01)" in problem for problem in found), (
        found
    )


def test_an_end_is_for_the_last_text(tmp_path: Path) -> None:
    """A text that another follows ends with it and not by itself."""
    text = FILES["acme/agreement@2025-01-01.yaml"].replace("{from: 2025-01-01}", "{from: 2025-01-01, to: 2025-06-01}")
    assert any(
        "only the last text of a document ends by itself" in each
        for each in told(tmp_path, {"acme/agreement@2025-01-01.yaml": text})
    )
