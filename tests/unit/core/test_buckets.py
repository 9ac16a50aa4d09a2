"""What is limited."""

import pytest

from proxy.core.buckets import CONCURRENT, KINDS, Bucket
from proxy.core.rules import Rate


@pytest.mark.parametrize("kind", [*KINDS, CONCURRENT])
def test_only_tokens_are_settled_by_usage(kind: str) -> None:
    """All else is known when a call is let through."""
    assert Bucket("n", "w", kind, Rate(1, 1.0), "n").settles == kind.endswith("tokens")
