"""Holds what a provider counted against what the ledger has: more at the provider means calls that went past the proxy.

Also keeps when that was last done, in a file of the data folder, for the overview.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxy.ledger.store_usage import Recorded
from proxy.review.usage_exports import DAY_SECONDS, FIELDS, Used

FILE = "reconciled.json"
OTHERS = ""
"""Stands for all keys that no principal is named for."""

COUNTED = FIELDS[3:]

Counts = dict[str, int | None]


@dataclass(frozen=True)
class Compared:
    """One day, one key, one model. `key`: a principal or a key's fingerprint, `OTHERS` for the rest; `model` empty: all of them.

    `surplus`: of what the provider counted more. `early`: the ledger has nothing of so early a day, so nothing is said of it.
    """

    day: str
    key: str
    model: str
    provider: Counts
    ledger: Counts
    surplus: tuple[str, ...]
    early: bool


def compare(
    used: Iterable[Used], recorded: Iterable[Recorded], keys: Mapping[str, str], tolerance: float, first_day: int | None
) -> list[Compared]:
    """Rows in the order of day, key and model. `keys`: the provider's name of a key, and who that is here; keys that have the name
    of a principal or a fingerprint of the ledger need none. `tolerance`: a share, 0.02 for two in a hundred.
    """
    used, recorded = list(used), list(recorded)
    here = {name for row in recorded for name in (row.principal, row.key) if name}
    named = {one.key: keys.get(one.key, one.key if one.key in here else OTHERS) for one in used}
    apart = set(named.values()) - {OTHERS}
    by_model = all(one.model for one in used)
    provider: dict[tuple[int, str, str], Counts] = {}
    ledger: dict[tuple[int, str, str], Counts] = {}
    for one in used:
        _add(provider, (one.day, named[one.key], one.model if by_model else ""), one)
    for row in recorded:
        whose = row.principal if row.principal in apart else row.key if row.key in apart else OTHERS
        _add(ledger, (row.day, whose, row.model if by_model else ""), row)
    nothing: Counts = dict.fromkeys(COUNTED, 0)
    rows = []
    for place in sorted(provider.keys() | ledger.keys()):
        day, key, model = place
        told, has = provider.get(place, {}), ledger.get(place, nothing)
        early = first_day is None or day < first_day
        surplus = () if early else tuple(name for name in COUNTED if _more(told.get(name), has[name] or 0, tolerance))
        rows.append(Compared(shown_day(day), key, model, told, has, surplus, early))
    return rows


def _add(counts: dict[tuple[int, str, str], Counts], place: tuple[int, str, str], one: Used | Recorded) -> None:
    found = counts.setdefault(place, dict.fromkeys(COUNTED))
    for name in COUNTED:
        if (value := getattr(one, name)) is not None:
            found[name] = (found[name] or 0) + value


def _more(told: int | None, has: int, tolerance: float) -> bool:
    return told is not None and told > has * (1 + tolerance)


def shown_day(day: int) -> str:
    """`2026-11-22` of days since 1970."""
    return f"{datetime.fromtimestamp(day * DAY_SECONDS, UTC):%Y-%m-%d}"


@dataclass(frozen=True)
class Last:
    """When a provider was last reconciled (microseconds since 1970), for which days, and how many rows had a surplus."""

    provider: str
    at: int
    first: str
    last: str
    rows: int
    surplus: int


def keep(data_dir: Path, last: Last) -> None:
    """Keep it, in place of what was kept of this provider. Raises: OSError."""
    kept = {each.provider: each for each in lasts(data_dir)} | {last.provider: last}
    handle, path = tempfile.mkstemp(dir=data_dir, prefix=f".{FILE}.")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump([asdict(each) for each in kept.values()], file)
            file.flush()
            os.fsync(file.fileno())
        Path(path).replace(data_dir / FILE)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(path).unlink()
        raise


def lasts(data_dir: Path) -> list[Last]:
    """What was kept, newest first; nothing where that cannot be read."""
    try:
        told: Any = json.loads((data_dir / FILE).read_bytes())
        return sorted((Last(**each) for each in told), key=lambda each: -each.at)
    except (OSError, ValueError, TypeError):
        return []


def said(data_dir: Path) -> str:
    """The same in words."""
    told = [
        f"{each.provider} to {each.last}: {f'{each.surplus} of {each.rows} rows with a surplus' if each.surplus else 'no surplus'}"
        f" ({datetime.fromtimestamp(each.at / 1_000_000, UTC):%Y-%m-%d %H:%M})"
        for each in lasts(data_dir)
    ]
    return "; ".join(told) or "never; tos-proxy reconcile holds a provider's usage export against the ledger"
