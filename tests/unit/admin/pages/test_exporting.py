"""Lists as files: what a spreadsheet may not run, and what a program reads."""

from __future__ import annotations

import csv
import io
import json

import pytest

from proxy.admin.pages.exporting import cell
from tests.unit.admin.conftest import Admin

FORMULA = "=cmd|' /C calc'!A1"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_cell_is_no_formula(begin: str) -> None:
    """Whatever it begins with."""
    assert cell(begin + "1+1").startswith("'")


def test_cells_hold_what_they_should() -> None:
    """Numbers are numbers, nothing is empty, lists are words, and nothing in a text is hidden."""
    assert [cell(value) for value in (-1, None, ["a", "b"], True, "a\u202eb\x1b")] == ["-1", "", "a b", "True", "aU+202EbU+001B"]


async def test_exchanges_can_be_had_as_files(admin: Admin) -> None:
    """All that the filters leave, further than a page goes; no content is in them."""
    for number in range(600):
        admin.writer.exchange(b"a secret", principal=FORMULA if number % 2 else "chat")
    await admin.ship()
    answer = await admin.client.get("/exchanges.csv", params={"principal": FORMULA})
    assert answer.headers["content-disposition"] == 'attachment; filename="exchanges.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["principal"] for row in rows} == {"'" + FORMULA}
    assert len(rows) == 300
    lines = (await admin.client.get("/exchanges.jsonl")).text.splitlines()
    assert len(lines) == 600
    assert json.loads(lines[0])["principal"] == FORMULA
    assert "secret" not in answer.text + lines[0]
    assert (await admin.client.get("/exchanges.exe")).status_code == 404
