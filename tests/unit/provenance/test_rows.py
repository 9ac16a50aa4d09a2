"""Rows of data sets."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from proxy.provenance.rows import Row, rows

A, B = "rec_" + "a" * 32, "rec_" + "b" * 32


@pytest.mark.parametrize(
    "row",
    [
        {"x-tos-record": A},
        {"X-Tos-Record": A, "text": "…"},
        {"x_tos_record": A},
        {"tos_record": [A]},
        {"record": A},
        {"metadata": {"x-tos-record": A}},
        {"metadata.x-tos-record": A, "audio.record": B},
        {"meta": {"record": A}, "messages": []},
        {"headers": {"x-tos-record": A, "content-type": "application/json"}},
        {"response_headers": {"X-TOS-RECORD": A}, "record": A},
    ],
)
def test_where_a_row_names_its_record(row: dict[str, Any]) -> None:
    """At the top or in one of the usual places, in whatever spelling; once."""
    assert next(rows([json.dumps(row).encode()])).records == (A,)


def test_an_answer_of_several_turns_names_them_all() -> None:
    """All of them count."""
    assert next(rows([json.dumps({"x-tos-record": [A, B, A]}).encode()])).records == (A, B)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (b'{"text": "no record"}', "no_record"),
        (b'{"record": 5}', "no_record"),
        (b'{"metadata": "rec_1"}', "no_record"),
        (b'{"record": ', "not_json"),
        (b"{" * 100_000, "not_json"),
        (b"chatcmpl-5", "no_record"),
        (b"\xff\xfe", "no_record"),
    ],
)
def test_a_row_that_names_none_is_a_row_all_the_same(line: bytes, wrong: str) -> None:
    """It cannot be left out unseen."""
    assert next(rows([line])) == Row(1, hashlib.sha256(line).hexdigest(), (), wrong)


def test_numbers_are_those_of_the_lines() -> None:
    """Blank lines count as lines and are no rows; a line break is not part of a row."""
    found = list(rows([A.encode() + b"\n", b"\n", B.encode() + b"\r\n"]))
    assert [(row.number, row.records) for row in found] == [(1, (A,)), (3, (B,))]
    assert found[0].digest == hashlib.sha256(A.encode()).hexdigest()
