"""Limits as people write them, and as gateways read them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from proxy.core.rules import Limit, Rate
from proxy.policy.amounts import Limits, compiled, written

READ = TypeAdapter(Limits).validate_python


def test_there_and_back() -> None:
    """What is written is what is compiled, in the units that people use; nothing limits nothing."""
    limit = compiled(READ({"requests": "60/m", "tokens": "50k/h", "prompts": "10/90s", "concurrent": 8}), "be patient")
    assert limit == Limit({"requests": Rate(60, 60.0), "tokens": Rate(50_000, 3600.0), "prompts": Rate(10, 90.0)}, 8, "be patient")
    assert written(limit) == {"requests": "60/m", "tokens": "50000/h", "prompts": "10/90s", "concurrent": 8}
    assert str(limit) == "requests 60/m, tokens 50000/h, prompts 10/90s, concurrent 8"
    assert (compiled(READ({})), written(None)) == (None, {})


@pytest.mark.parametrize("wrong", [{"requests": "many"}, {"calls": "1/m"}, {"concurrent": 0}, {"concurrent": "2/m"}])
def test_what_cannot_be_meant(wrong: dict[str, object]) -> None:
    """Neither a rate nor a number of exchanges."""
    with pytest.raises(ValidationError):
        READ(wrong)
