"""The page that describes records, held against their definition."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.ledger.record import Content, Intent, Mark, Outcome, Refusal, Versions

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "record.md").read_text("utf-8")


def section(title: str) -> str:
    """The text under a heading."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def fields(*kinds: type[msgspec.Struct]) -> set[str]:
    """Names as they are encoded."""
    return {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize(
    ("title", "kinds"), [("Intent and refusal", (Intent, Refusal)), ("Outcome", (Outcome,)), ("Mark", (Mark,))]
)
def test_every_field_has_its_row_and_every_row_its_field(title: str, kinds: tuple[type[msgspec.Struct], ...]) -> None:
    """The tables name exactly the fields of the entry, and `kind`."""
    first_table = re.split(r"\| event \|", section(title))[0]
    rows = [line.split("|")[1] for line in first_table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert named == fields(*kinds) | {"kind"}


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Facts", RequestFacts),
        ("Facts", AnswerFacts),
        ("Facts", Usage),
        ("Intent and refusal", Versions),
        ("Intent and refusal", Content),
    ],
)
def test_nested_fields_are_named(title: str, kind: type[msgspec.Struct]) -> None:
    """Each stands somewhere in its section."""
    assert fields(kind) <= set(re.findall(r"`([a-z_]+)`", section(title)))
