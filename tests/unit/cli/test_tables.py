"""Plain tables."""

from __future__ import annotations

import pytest

from proxy.cli.tables import counted, print_table


def test_columns_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are as wide as their content, lines have no trailing space, and no rows are no error."""
    print_table(("a", "long head"), [("value", 1), ("v", None)])
    print_table(("a",), [])
    assert capsys.readouterr().out.splitlines() == ["A      LONG HEAD", "value  1", "v      None", "A"]


def test_counts() -> None:
    """One of a thing is not called many."""
    assert (counted(1, "rule"), counted(0, "rule"), counted(2, "rule")) == ("1 rule", "0 rules", "2 rules")
