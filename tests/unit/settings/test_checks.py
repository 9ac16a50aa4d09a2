"""Names and references in a configuration."""

from __future__ import annotations

import pytest

from proxy.settings.checks import findings


@pytest.mark.parametrize("name", ["V1", "a/b", "", "ü", "-a", "v1", "v1beta", "v2"])
def test_upstream_names_fit_into_urls(name: str) -> None:
    """A name that cannot be a path segment, or looks like an API version, is found, at its key."""
    (found,) = findings({"upstreams": {name: {}}})
    assert (found.path, found.of_key) == (("upstreams", name), True)


@pytest.mark.parametrize("name", ["anonymous", "key:0123", "", "a b"])
def test_principal_names_are_not_automatic_ones(name: str) -> None:
    """A name that we give ourselves, or that could not be typed, is found."""
    assert [found.path for found in findings({"principals": {name: {}}})] == [("principals", name)]


def test_purpose_is_one_of_its_purposes() -> None:
    """The default purpose is among those a principal may declare."""
    (found,) = findings({"principals": {"a": {"purpose": "use.product", "purposes": ["eval.private"]}}})
    assert found.path == ("principals", "a", "purpose")


def test_second_place_is_elsewhere() -> None:
    """`local+db`, written short or long, needs a database of its own."""
    (short,) = findings({"ledger": {"durability": "local+db"}})
    (long,) = findings({"ledger": {"durability": {"copies": "local+db"}}})
    assert (short.path, long.path) == (("ledger", "durability"), ("ledger", "durability", "copies"))
    assert findings({"ledger": {"durability": "local+db"}, "database_url": "postgresql://a@b/c"}) == []
    assert findings({"ledger": {"durability": "local"}}) == []


def test_wrong_shapes_are_left_to_the_types() -> None:
    """What is not even a table is passed over here."""
    assert findings({"upstreams": 3, "principals": [1], "default_upstream": {}, "ledger": {"durability": 3}}) == []
