"""Globs over names of models and hosts."""

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.terms.globs import Globs, matches


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_globs_mean_what_shells_mean(glob: str, name: str) -> None:
    """`*` is any text and `?` any letter, as in the standard library's matcher."""
    assert matches(glob, name) == fnmatch.fnmatchcase(name, glob)


@pytest.mark.parametrize(
    ("name", "row"), [("gpt-oss-120b", "open"), ("GPT-5", "exact"), ("gpt-4", "closed"), ("x/gpt-oss-1", "open"), ("claude", "")]
)
def test_the_first_glob_counts(name: str, row: str) -> None:
    """Order decides between globs that all match, plain names among them; case does not matter."""
    globs = Globs([("gpt-oss*", "open"), ("*/gpt-oss*", "open"), ("gpt-5", "exact"), ("gpt-*", "closed"), ("gpt-oss-120b", "late")])
    assert globs.first(name) == row


def test_no_name_makes_a_glob_slow() -> None:
    """A glob with many stars over a long name that nearly matches ends: each star is tried once."""
    begun = time.process_time()
    assert not matches("*a" * 50 + "*c", "a" * 100_000)
    assert time.process_time() - begun < 5
