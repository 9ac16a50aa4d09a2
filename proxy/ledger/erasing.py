"""Erases what was said to and by a principal: its content keys are destroyed, in the store and in this volume's keyring, after
which nothing sealed under them opens again. Evidence stays: that something was asked, not what.

The keyrings of gateways on other volumes are theirs: what they hold is erased by their own retention, or by the same there.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import update

from proxy.ledger import keyring
from proxy.ledger.disk import Disk
from proxy.ledger.store import Store
from proxy.ledger.tables import content_keys


async def erase(store: Store, data_dir: Path, principal: str, at: int) -> int:
    """Destroy the content keys of a principal; gives how many. Doing it again is safe. Raises: StoreUnavailableError, OSError."""
    erased = await asyncio.to_thread(_erase_slots, data_dir, principal)
    mine = content_keys.c.principal == keyring.principal_digest(principal).hex()
    async with store.write() as connection:
        kept = mine & content_keys.c.wrapped.is_not(None)
        done = await connection.execute(update(content_keys).where(kept).values(wrapped=None, destroyed_at=at))
    return max(erased, done.rowcount)


def _erase_slots(data_dir: Path, principal: str) -> int:
    digest, erased = keyring.principal_digest(principal), 0
    for path in (data_dir / "keyring").glob("*/*.keys"):
        slots = keyring.parse_slots(path.read_bytes())
        places = [slot.place for slot in slots if slot.principal == digest and slot.state == keyring.LIVE]
        if places:
            keyring.erase_slots(Disk(), path, places)
            erased += len(places)
    return erased
