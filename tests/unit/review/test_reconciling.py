"""A provider's count against the ledger's."""

from __future__ import annotations

from pathlib import Path

from proxy.ledger.store_usage import Recorded
from proxy.review.reconciling import FILE, Compared, Last, compare, keep, lasts, said
from proxy.review.usage_exports import Used

DAY = 20_665


def surplus(rows: list[Compared]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Key, model and what was more, of each row."""
    return [(row.key, row.model, row.surplus) for row in rows]


def test_more_at_the_provider_is_a_surplus() -> None:
    """Beyond the tolerance, of whatever the export counts; less is none, and what it does not count is not compared."""
    has = [Recorded(DAY, "lab", "key:1", "m", 100, 1000, 1000)]
    for requests, input_, expected in ((102, 1000, ()), (103, 1000, ("requests",)), (50, 5000, ("input",)), (None, 0, ())):
        (row,) = compare([Used(DAY, "lab", "m", requests, input_, None)], has, {}, 0.02, DAY)
        assert (row.surplus, row.day) == (expected, "2026-07-31")


def test_keys_that_are_known_stand_alone() -> None:
    """By the name that was given, a principal's own, or a key's fingerprint; the rest is compared as one."""
    has = [
        Recorded(DAY, "lab", "key:1", "m", 5, 0, 0),
        Recorded(DAY, "chat", "key:2", "m", 5, 0, 0),
        Recorded(DAY, "chat", "key:3", "m", 5, 0, 0),
    ]
    used = [Used(DAY, "key_abc", "m", 5, 0, 0), Used(DAY, "key:2", "m", 9, 0, 0), Used(DAY, "key_new", "m", 5, 0, 0)]
    assert surplus(compare(used, has, {"key_abc": "lab"}, 0.02, DAY)) == [
        ("", "m", ()),
        ("key:2", "m", ("requests",)),
        ("lab", "m", ()),
    ]


def test_a_model_nobody_asked_for_here() -> None:
    """Is a surplus of its own; without models in the export all are compared together."""
    has = [Recorded(DAY, "lab", "key:1", "m", 5, 0, 0)]
    used = [Used(DAY, "", "m", 4, 0, 0), Used(DAY, "", "other", 1, 0, 0)]
    assert surplus(compare(used, has, {}, 0.02, DAY)) == [("", "m", ()), ("", "other", ("requests",))]
    assert surplus(compare([*used, Used(DAY, "", "", 0, 0, 0)], has, {}, 0.02, DAY)) == [("", "", ())]


def test_days_before_the_first_record_say_nothing() -> None:
    """The proxy was not there yet."""
    used = [Used(DAY - 1, "", "m", 4, 0, 0), Used(DAY, "", "m", 4, 0, 0)]
    rows = compare(used, [], {}, 0.02, DAY)
    assert [(row.early, bool(row.surplus)) for row in rows] == [(True, False), (False, True)]
    assert compare(used, [], {}, 0.02, None)[1].early


def test_the_last_time_is_kept(tmp_path: Path) -> None:
    """One of each provider, readable for its owner alone, told in words; what cannot be read is as if never done."""
    assert said(tmp_path).startswith("never")
    for at, more in ((1, 3), (2, 0)):
        keep(tmp_path, Last("openai", at, "2026-07-01", "2026-07-31", 9, more))
    keep(tmp_path, Last("google", 3_000_000, "2026-07-01", "2026-07-31", 9, 2))
    assert [each.provider for each in lasts(tmp_path)] == ["google", "openai"]
    assert said(tmp_path) == (
        "google to 2026-07-31: 2 of 9 rows with a surplus (1970-01-01 00:00); openai to 2026-07-31: no surplus (1970-01-01 00:00)"
    )
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / FILE).write_text('{"a": 1}')
    assert said(tmp_path).startswith("never")
