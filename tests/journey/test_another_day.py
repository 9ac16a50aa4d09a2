"""No test turns red as months pass: what goes by the shipped terms holds on a day on which all of them have to be read again."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.core.terms import Row
from proxy.terms import catalog, compiling, releases
from tests import another_day
from tests.proxy_server import ROOT

TELLING = (
    "tests/journey/test_release_and_backtest.py::test_answers_are_released_by_the_clause_that_grants_it",
    "tests/unit/cli/test_case.py::test_through_a_running_proxy",
)
"""Tests that once went by what the shipped terms said on the day they ran."""
WHOLE = ("journey", "contract", "deployment", "hostile", "unit")
PLANTED = """
import datetime as dt
import subprocess

def test_the_day():
    assert dt.date.today() <= dt.date({today:%Y, %-m, %-d})

def test_the_day_of_a_process():
    assert subprocess.check_output(["date", "+%Y"]) == b"{today:%Y}\\n"
"""

pytestmark = pytest.mark.skipif(not another_day.possible(), reason="takes Linux and a C compiler (apt-get install -y gcc)")


@pytest.fixture(scope="module")
def library() -> Iterator[Path]:
    """What is loaded before all others, where other users may read it: PostgreSQL runs as one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield another_day.built(Path(folder))


def changes() -> list[dt.date]:
    """The days on which a shipped cell changes, those that are still to come, and one two years ahead."""
    today = dt.datetime.now(dt.UTC).date()
    rows: list[Row] = list(compiling.rows(catalog.read(releases.terms_folder())).values())
    instants = {cell.starts for row in rows for cells in row.cells.values() for cell in cells if cell.starts is not None}
    days = {dt.datetime.fromtimestamp(each / 1_000_000, dt.UTC).date() for each in instants}
    return sorted({each for each in days if each > today} | {today + dt.timedelta(days=731)})


def run(day: dt.date, library: Path, tests: list[str], *options: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """The tests on a day; in a folder of their own, for on that day those of all runs that are under way are old and removed."""
    environ = {name: value for name, value in another_day.environment(day, library).items() if not name.startswith("PYTEST_")}
    quiet = ("-q", "-p", "no:cacheprovider", f"--basetemp={library.parent}/tests")
    command = [sys.executable, "-m", "pytest", *quiet, *options, *tests]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=seconds)


@pytest.mark.timeout(420)
def test_what_goes_by_the_terms_holds_when_they_are_overdue(library: Path) -> None:
    """Proxies and commands that judge by the shipped terms do as their tests say, years from now."""
    done = run(changes()[-1], library, list(TELLING), "-n", "0", seconds=400)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.timeout(420)
def test_a_test_that_goes_by_the_day_is_seen(library: Path, tmp_path: Path) -> None:
    """Tests that hold today only turn red, those that look at the day by another process among them."""
    today = dt.datetime.now(dt.UTC).date()
    planted = tmp_path / "test_planted.py"
    planted.write_text(PLANTED.format(today=today))
    done = run(changes()[-1], library, [str(planted), "--rootdir", str(tmp_path)], "-n", "0", seconds=400)
    assert (done.returncode, "2 failed" in done.stdout) == (1, True), done.stdout


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_test_holds_on_every_day_on_which_a_cell_changes(library: Path) -> None:
    """All that is quick enough, on each of these days."""
    red = {}
    for day in changes():
        done = run(day, library, [f"tests/{name}" for name in WHOLE], "-n", str(os.cpu_count() or 1), seconds=1700)
        if done.returncode:
            red[day.isoformat()] = done.stdout[-4000:]
    assert not red, "\n".join(f"{day}:\n{told}" for day, told in red.items())
