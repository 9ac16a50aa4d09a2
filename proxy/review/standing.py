"""How a principal stands, and what moves it: `normal → watched → limited`, by evidence up, by time down; `suspended` by a person.

Pure; times in microseconds since 1970 UTC. Evidence keeps a standing for as long as it goes on, and a while after it: a day of
`limited`, then a week of `watched`. A person's decision goes before evidence: dismissed findings put it back and spare it for
thirty days, an exemption until its date; what a person set stays until a person changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from proxy.core import snapshot
from proxy.core.principal import STANDINGS, Standing

HOUR_US = 3_600_000_000
HOLDS_US = {"watched": 7 * 24 * HOUR_US, "limited": 24 * HOUR_US}
DISMISSED_US = 30 * 24 * HOUR_US
LIMITS, SHADOW = "limits", "shadow"


class Stands(msgspec.Struct, frozen=True):
    """A principal's row: see `standing_tables`. Without one it stands `normal`."""

    principal: str
    standing: str = "normal"
    group_key: str = ""
    since: int = 0
    until: int | None = None
    spared_until: int = 0
    round: int = 0
    set_by: str = ""
    note: str = ""
    changed_at: int = 0


def evident(row: Stands, proposed: str, group: str, now: int) -> Stands | None:
    """What evidence makes of a row: `proposed` by the detector, for one of the linked group `group` or none.

    None: it stays as it is.
    """
    now_stands = decayed(row, now)
    if row.set_by or now < row.spared_until or proposed == "normal":
        return now_stands if now_stands != row else None
    higher = STANDINGS.index(proposed) > STANDINGS.index(now_stands.standing)
    until = now + HOLDS_US[proposed]
    if higher:
        return msgspec.structs.replace(now_stands, standing=proposed, group_key=group, since=now, until=until, changed_at=now)
    # what goes on is written down now and then, not with every record
    late = proposed == now_stands.standing and (now_stands.until or now) - now < HOLDS_US[proposed] * 3 // 4
    if late or (group and group != now_stands.group_key):
        kept = until if late else now_stands.until
        return msgspec.structs.replace(now_stands, until=kept, group_key=group or now_stands.group_key, changed_at=now)
    return now_stands if now_stands != row else None


def decayed(row: Stands, now: int) -> Stands:
    """The row as time has made it: a step down at `until`, and another a step later."""
    while row.until is not None and now >= row.until:
        if row.standing == "limited":
            row = msgspec.structs.replace(
                row, standing="watched", since=row.until, until=row.until + HOLDS_US["watched"], changed_at=now
            )
        else:
            row = msgspec.structs.replace(row, standing="normal", group_key="", since=row.until, until=None, changed_at=now)
    return row


def ahead(row: Stands) -> Iterator[tuple[int, str]]:
    """The steps down that time will bring: when, and to what."""
    while row.until is not None:
        row = decayed(row, row.until)
        yield row.since, row.standing


def cleared(row: Stands, now: int, *, spared_until: int = 0, again: bool = False) -> Stands:
    """Back to normal: by a declared purpose, or a person's decision that spares it until a time. `again`: what comes later is
    another finding.
    """
    return msgspec.structs.replace(
        row,
        standing="normal",
        group_key="",
        since=now,
        until=None,
        spared_until=max(row.spared_until, spared_until),
        round=row.round + again,
        changed_at=now,
    )


def placed(row: Stands, standing: str, by: str, note: str, now: int) -> Stands:
    """As a person sets it; `normal` leaves it to evidence again."""
    held = by if standing != "normal" else ""
    return msgspec.structs.replace(
        row, standing=standing, since=now, until=None, set_by=held, note=note, changed_at=now, spared_until=0
    )


def told(row: Stands, enforce: str, now: int) -> Standing | None:
    """What gateways are told of it; None for nothing. In shadow nobody is slowed down."""
    row = decayed(row, now)
    if row.standing == "normal":
        return None
    if enforce == SHADOW and row.standing == "limited":
        return Standing("watched")
    return Standing(row.standing, row.group_key)


def snapshot_entries(rows: Iterable[Stands], enforce: str, now: int) -> Iterator[bytes]:
    """The snapshot's section `standing`. An entry ends by itself where evidence does, so that it ends without control too."""
    for row in rows:
        stands = decayed(row, now)
        if (said := told(stands, enforce, now)) is not None:
            yield snapshot.put("standing", row.principal, said, until=stands.until)
