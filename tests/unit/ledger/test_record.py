"""Records as bytes, and the page that describes them held against their definition."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from benchmarks.micro_spool import intent, outcome
from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.ledger.record import Content, Intent, Mark, Outcome, Refusal, Versions, commitment, decode, encode, leaf

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


def test_an_entry_reads_back_from_its_canonical_bytes() -> None:
    """And is written as the same bytes, which is luck and not relied on."""
    entry = intent("rec_a", 5)
    assert decode(encode(entry)) == entry
    assert encode(decode(encode(entry))) == encode(entry)


def test_canonical_bytes_leave_defaults_out_and_have_no_white_space() -> None:
    """Fields in declared order, `kind` first."""
    text = encode(outcome("rec_a", 5))
    assert text.startswith(
        b'{"kind":"outcome","v":1,"id":"rec_a","instance":"","epoch":0,"seq":0,"at":5,"mono":0,"intent":["",0,0],'
    )
    assert b'"error"' not in text
    assert b": " not in text


def test_a_commitment_depends_on_the_salt() -> None:
    """So that a short prompt cannot be guessed from it."""
    assert commitment(b"salt", b"hi") != commitment(b"tlas", b"hi")
    assert commitment(b"ab", b"c") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_leaf_is_the_hash_of_rfc_9162() -> None:
    """SHA-256 of a zero byte and the entry; of nothing, the tree's known empty leaf."""
    assert leaf(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
