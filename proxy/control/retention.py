"""Retention: lets go of contents, evidence and spool segments when their time or their space is over. Nothing unshipped ever goes.

* Contents past `content_seconds`: rows deleted; keys of months that are wholly past it destroyed, in the store and in the keyring.
* Evidence past `evidence_seconds`: exchanges and entries of whole days; findings whose last record is past it, and their cases.
* Segments: kept while there is room. Above `TRIM_AT` of `max_bytes` the oldest go that are shipped and that no recovery will ask
  for, until `TRIM_TO` is reached. If that is not enough, `alarm` is set at `ALARM_AT`; gateways refuse at 95 %.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from proxy.control.process import Note, pause_unless
from proxy.core.clock import Clock, SystemClock
from proxy.ledger import keyring, reader, segments, store_retention
from proxy.ledger.disk import Disk
from proxy.ledger.epoch import numbers
from proxy.ledger.reader import Cursor, EpochAt
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreError
from proxy.review.forgetting import forget

TRIM_AT, TRIM_TO, ALARM_AT = 0.75, 0.70, 0.80

_SPACE_SECONDS = 2.0
_TIME_SECONDS = 3600.0
_DAY_SECONDS = 86400.0
_LEAST_SPAN_SECONDS = 3600.0

PlaceOf = Callable[[EpochAt], tuple[Cursor, bool] | None]
"""How far an epoch is shipped, and whether to its end (`Shipper.place`)."""


@dataclass(frozen=True)
class SpoolUsage:
    """What the spool takes. `days_left`: until `max_bytes`, if nothing could be shipped any more, at the pace of the segments that
    are there; None for an hour, as space is taken ahead of what is written. `alarm`: 80 % are reached.
    """

    used: int
    max_bytes: int
    segments: int
    days_left: float | None
    alarm: bool


@dataclass(frozen=True)
class _Segment:
    path: Path
    size: int
    created: int


def spool_usage(data_dir: Path, max_bytes: int, now: int) -> SpoolUsage:
    """The spool's size and how long it lasts; `now` in microseconds. Needs no control process. Raises: OSError."""
    return _usage(_found(data_dir, {}), max_bytes, now)


def _usage(found: Collection[_Segment], max_bytes: int, now: int) -> SpoolUsage:
    used = sum(segment.size for segment in found)
    oldest = min((segment.created for segment in found if segment.created), default=now)
    seconds = (now - oldest) / 1_000_000
    left = max(0.0, max_bytes - used) / used * seconds / _DAY_SECONDS if used and seconds >= _LEAST_SPAN_SECONDS else None
    return SpoolUsage(used, max_bytes, len(found), left, used >= max_bytes * ALARM_AT)


def _homes(data_dir: Path) -> list[Path]:
    spool = data_dir / "spool"
    return [path for path in spool.iterdir() if path.is_dir()] if spool.is_dir() else []


def _found(data_dir: Path, created: dict[Path, int]) -> list[_Segment]:
    """Every segment. `created`: when those were made whose headers were read before; gets those that are read now."""
    found = [
        segment
        for home in _homes(data_dir)
        for number in numbers(home)
        for path in (home / f"{number:08d}" / f"{name:08d}.seg" for name in numbers(home / f"{number:08d}", ".seg"))
        if (segment := _segment(path, created)) is not None
    ]
    for gone in created.keys() - {segment.path for segment in found}:
        del created[gone]
    return found


def _segment(path: Path, created: dict[Path, int]) -> _Segment | None:
    try:
        size, at = path.stat().st_size, created.get(path, 0)
        if not at:
            with path.open("rb") as file:
                header = segments.parse_header(file.read(segments.HEADER_BYTES))
            if header is not None:
                at = created[path] = header.created
    except FileNotFoundError:
        return None
    return _Segment(path, size, at)


def trim(data_dir: Path, max_bytes: int, place_of: PlaceOf) -> int:
    """Remove shipped segments, oldest first, while the spool is above its bound; gives how many. Raises: OSError."""
    return _trim(_found(data_dir, {}), data_dir, max_bytes, place_of)


def _trim(all_of_them: Collection[_Segment], data_dir: Path, max_bytes: int, place_of: PlaceOf) -> int:
    found = {segment.path: segment for segment in all_of_them}
    used = sum(segment.size for segment in all_of_them)
    if used < max_bytes * TRIM_AT:
        return 0
    may_go = [found[path] for home in _homes(data_dir) for path in reader.removable(home.parent, home.name) if path in found]
    removed = 0
    for segment in sorted((one for one in may_go if _is_shipped(one.path, place_of)), key=lambda one: one.created):
        if used <= max_bytes * TRIM_TO:
            break
        segment.path.unlink(missing_ok=True)
        used -= segment.size
        removed += 1
    for home in _homes(data_dir):
        _remove_empty(home, place_of)
    return removed


def _is_shipped(path: Path, place_of: PlaceOf) -> bool:
    folder = path.parent
    place = place_of(EpochAt(folder.parent.name, int(folder.name), folder))
    return place is not None and (place[1] or int(path.stem) < place[0].segment)


def _remove_empty(home: Path, place_of: PlaceOf) -> None:
    """Folders of epochs that are shipped to their end and hold no segment; never the last, from which the next number counts."""
    for number in numbers(home)[:-1]:
        folder = home / f"{number:08d}"
        place = place_of(EpochAt(home.name, number, folder))
        if place is None or not place[1] or numbers(folder, ".seg"):
            continue
        with contextlib.suppress(OSError):
            for name in ("watermark", "lock", "closed"):
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()


def erase_keys(data_dir: Path, before_month: str) -> int:
    """Erase every content key of months before `before_month` (`YYYY-MM`) in the keyring; gives how many. Raises: OSError."""
    erased = 0
    for path in (data_dir / "keyring").glob("*/*.keys"):
        if path.stem < before_month:
            places = [slot.place for slot in keyring.parse_slots(path.read_bytes()) if slot.state == keyring.LIVE]
            if places:
                keyring.erase_slots(Disk(), path, places)
                erased += len(places)
    return erased


@dataclass(frozen=True)
class Bounds:
    """How long (seconds) and how much (bytes) is kept."""

    content_seconds: float
    evidence_seconds: float
    max_bytes: int


class Retention:
    """One per control process. `run` is its duty; `usage` is how the spool stood a moment ago."""

    def __init__(
        self, store: Store, data_dir: Path, bounds: Bounds, place_of: PlaceOf, note: Note, clock: Clock | None = None
    ) -> None:
        self.usage: SpoolUsage | None = None
        self._store = store
        self._data_dir = data_dir
        self._bounds = bounds
        self._place_of = place_of
        self._note = note
        self._created: dict[Path, int] = {}
        self._clock = clock or SystemClock()

    async def run(self, stop: asyncio.Event) -> None:
        """Look at the spool's space every other second and at what is too old every hour, until `stop` is set. Raises: OSError."""
        due = 0.0
        while not stop.is_set():
            await self.make_room()
            if time.monotonic() >= due:
                try:
                    await self.forget()
                    due = time.monotonic() + _TIME_SECONDS
                except StoreError as error:
                    self._note("retention waits for the database", reason=str(error))
                    due = time.monotonic() + 60.0
            await pause_unless(stop, _SPACE_SECONDS)

    async def make_room(self) -> None:
        """Trim the spool and measure it. Raises: OSError."""
        before = self.usage
        removed, usage = await asyncio.to_thread(self._make_room)
        self.usage = usage
        if removed:
            self._note("shipped segments removed", segments=removed)
        if usage.alarm and not (before is not None and before.alarm):
            self._note("the spool is nearly full", used=usage.used, max_bytes=usage.max_bytes)

    def _make_room(self) -> tuple[int, SpoolUsage]:
        bound, created = self._bounds.max_bytes, self._created
        found = _found(self._data_dir, created)
        removed = _trim(found, self._data_dir, bound, self._place_of)
        return removed, _usage(_found(self._data_dir, created) if removed else found, bound, self._clock.utc_us())

    async def forget(self) -> None:
        """Let go of what is too old. Raises: StoreUnavailableError, OSError; what was done stays done."""
        now = self._clock.utc_us()
        content_before = now - int(self._bounds.content_seconds * 1_000_000)
        erased = await asyncio.to_thread(erase_keys, self._data_dir, store_retention.month_bound(content_before))
        rows, destroyed = await store_retention.forget_contents(self._store, content_before, now)
        evidence_before = now - int(self._bounds.evidence_seconds * 1_000_000)
        evidence = await store_retention.forget_evidence(self._store, evidence_before)
        evidence += await forget(self._store, evidence_before)
        if rows or destroyed or erased or evidence:
            self._note("retention", contents=rows, keys=destroyed + erased, evidence=evidence)
