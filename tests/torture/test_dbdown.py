"""The database is away under load, in short: what each party may notice of it, and that every part of the judgement can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.ledger.record import leaf
from tests.servers import Postgres, postgres_folder
from tests.torture.dbdown import Result, torture
from tests.torture.dbdown_checks import answers, compared, needed
from tests.torture.dbdown_load import Call, faults, span
from tests.torture.kill9_load import Answered

AWAY_SECONDS, RATE = 10.0, 60.0
"""Long enough for the shipper to wait its longest between two tries, and for a gateway that keeps what it is sent (`hoard`) to pass
the bound on memory; few enough requests for a machine that does other things."""
GROWTH = 30.0
"""MiB; `hoard` would need 37."""

needs_postgres = pytest.mark.skipif(postgres_folder() is None, reason="PostgreSQL is not installed (apt-get install -y postgresql)")


@pytest.fixture(scope="module")
def result(postgres: Postgres) -> Result:
    """One run: PostgreSQL crashes and is away for ten seconds."""
    return torture(AWAY_SECONDS, rate=RATE, drain=150.0, cluster=postgres)


@needs_postgres
def test_nobody_notices(result: Result) -> None:
    """No client has an error while the database is away, no entry is lost or there twice, and the backlog goes."""
    assert result.wrong == []
    assert result.away.errors == 0
    assert sum(result.away.requests.values()) >= AWAY_SECONDS * result.rate * 0.5
    assert result.away.requests["long"] > 20
    assert result.backlog_entries > AWAY_SECONDS * result.rate * 0.5
    assert result.entries.stored == result.entries.spooled > result.backlog_entries
    assert result.drained_seconds is not None
    assert result.contents_opened == 200


@needs_postgres
def test_the_gateway_needs_no_memory_for_it(result: Result) -> None:
    """The gateway writes to the spool as ever, and needs no more memory."""
    assert result.memory["gateway-0"].growth_mib < GROWTH


@needs_postgres
def test_control_needs_no_memory_for_it(result: Result) -> None:
    """Control holds one pass while it waits, and catches up pass by pass."""
    assert result.memory["control"].growth_mib < GROWTH


@needs_postgres
def test_a_skipped_batch_is_found(postgres: Postgres) -> None:
    """A shipper that goes on behind a batch it could not write turns the same run red."""
    found = torture(2.0, rate=RATE, sabotage="skip_batch", drain=30.0, cluster=postgres)
    assert found.entries.lost > 0
    assert any("entries lost" in fault for fault in found.wrong)


@pytest.mark.long
@pytest.mark.timeout(1800)
@needs_postgres
def test_ten_minutes() -> None:
    """The same for ten minutes, with five to catch up."""
    assert torture(600.0).wrong == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_locked_file() -> None:
    """A SQLite file that another connection keeps locked for a minute is no different."""
    assert torture(60.0, kind="sqlite").wrong == []


@pytest.mark.long
@pytest.mark.timeout(600)
@needs_postgres
@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("forget_place", "entries lost"),
        ("ship_twice", "entries duplicates"),
        ("hoard", "gateway-0 grew"),
        ("refuse_some", "client errors"),
    ],
)
def test_other_faults_are_found(fault: str, named: str) -> None:
    """Each other fault that can be planted turns the run red too, for the reason that it is."""
    assert any(named in wrong for wrong in torture(15.0, sabotage=fault, drain=30.0).wrong)


ROWS = [("i", 1, seq, leaf(b"%d" % seq), b"%d" % seq) for seq in (1, 2, 3)]


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda rows: rows, []),
        (lambda rows: rows[1:], ["1 entries lost"]),
        (lambda rows: [*rows, rows[0]], ["1 entries duplicates"]),
        (lambda rows: [*rows, ("i", 2, 1, leaf(b"x"), b"x")], ["1 entries foreign"]),
        (lambda rows: [*rows[1:], (*rows[0][:4], b"x")], ["1 entries altered"]),
        (lambda rows: [*rows[1:], (*rows[0][:3], leaf(b"x"), b"x")], ["1 entries altered"]),
    ],
)
def test_differences_are_found(spoil: Callable[[list[tuple[object, ...]]], list[tuple[object, ...]]], wrong: list[str]) -> None:
    """Missing, repeated, foreign and altered rows are each told apart, with bytes and hash altered together too."""
    leaves = {row[:3]: row[3] for row in ROWS}
    assert compared(leaves, spoil(list(ROWS))).wrong() == wrong


def test_records_without_their_end_are_found() -> None:
    """A whole answer whose record is cut, or unknown, and a record without any end are wrong; a cut answer's record is not."""
    assert answers(["a"], {"a": "completed", "b": "client_gone"}) == []
    assert "whole at its client, cut" in answers(["a"], {"a": "cut"})[0]
    assert "whole at its client, nothing" in answers(["a"], {})[0]
    assert "no outcome" in answers([], {"a": None})[0]


def test_growth_is_found() -> None:
    """Growth is the most after the database left, over what was usual before; the slope is that of the absence alone."""
    samples = [(float(second), 100.0 if second < 60 else 100.0 + second - 60) for second in range(180)]
    grown = needed([*samples, (180.0, 500.0)], 10.0, 60.0, 120.0)
    assert (grown.before_mib, grown.growth_mib, grown.slope_mib_per_minute) == (100.0, 400.0, 60.0)


def test_client_errors_are_found() -> None:
    """An answer that is the proxy's own, cut, unnamed or not there at all is an error of its client."""
    good = Answered("json", "r", 200, complete=True, ours=False)
    bad = [replace(good, status=503, ours=True), replace(good, complete=False), replace(good, record=""), None]
    calls = [Call("json", 1.0, 0.1, answered, "refused") for answered in (good, *bad)]
    assert faults(calls[:1]) == []
    assert faults(calls)[0].startswith("4 client errors")
    assert span(calls, 0.0, 2.0).errors == 4
