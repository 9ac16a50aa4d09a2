"""An open ledger: whoever changes nothing writes nothing, and a change is durable once it is said to be."""

from __future__ import annotations

from pathlib import Path

from proxy.app.open_ledger import CONTROL_WRITER, opened
from proxy.ledger.record import Mark
from proxy.settings.described import Running
from tests.ledger_oracle import written


async def test_the_first_change_begins_the_epoch(tmp_path: Path) -> None:
    """Nothing is in the spool before it, and its words are on the disk when it returns."""
    running = Running(str(tmp_path), f"sqlite:///{tmp_path}/store.db", None, 10**9, 1.0, 1.0, copied=False, ship_seconds=1.0)
    async with opened(running) as ledger:
        assert not (tmp_path / "spool").exists()
        await ledger.record("standing_set", {"subject": "lab-7"})
        (entry,) = [entry for entry, _ in written(tmp_path / "spool").entries if isinstance(entry, Mark) and entry.event != "boot"]
        assert (entry.event, entry.detail) == ("standing_set", {"subject": "lab-7"})
        assert entry.instance.endswith(f"-{CONTROL_WRITER}")
