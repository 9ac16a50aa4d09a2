"""What becomes of a folder when its surroundings go: whether it lies on a volume that dies with its pod, container or machine.

Linux tells it in `/proc/self/mountinfo` (proc(5)) for what is common: a pod's emptyDir, a container's own layer, memory. That
nothing was found is no promise that a volume lasts: only whoever made it knows.
"""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

POD, CONTAINER, MEMORY = "pod", "container", "memory"
SURVIVES = {
    POD: "records survive process death, not pod eviction",
    CONTAINER: "records survive process death, not the end of this container",
    MEMORY: "records survive process death, not the end of this pod or machine",
}
"""What holds of records on such a volume, in the words of /readyz, `ledger status` and the guides."""

_OCTAL = re.compile(r"\\([0-7]{3})")


def dies_with(folder: Path, mounts: Path = MOUNTS) -> str:
    """`pod`, `container` or `memory` when the folder's volume is known to die with it; empty when nothing says so."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
        place = folder.resolve()
    except OSError:
        return ""
    deepest, fate = -1, ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        point = Path(_plain(fields.split(" ")[4]))
        if place.is_relative_to(point) and len(point.parts) >= deepest:  # of two on one point the later lies on top
            deepest, fate = len(point.parts), _fate(_plain(fields.split(" ")[3]), rest.split(" ")[0])
    return fate


def _fate(root: str, kind: str) -> str:
    """By what of its file system is mounted there, and by the file system's type."""
    if "kubernetes.io~empty-dir" in root:
        return POD
    return {"overlay": CONTAINER, "tmpfs": MEMORY, "ramfs": MEMORY}.get(kind, "")


def _plain(written: str) -> str:
    """A path as it is, without the octal escapes for white space."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), written)


def statement(folder: Path, *, copied: bool, lag: int | None, mounts: Path = MOUNTS) -> str:
    """What a person should know of the records in a folder; empty when there is nothing to say.

    `copied`: the database is their second place (`local+db`). `lag`: entries that are not there yet, None when nobody could tell.
    """
    fate = dies_with(folder, mounts)
    if not fate and not copied:
        return ""
    survives = SURVIVES.get(fate, "records survive process death")
    if not copied:
        return survives
    waiting = "nobody can tell how many entries are" if lag is None else f"{lag} entries are"
    return f"{survives}, until they are in the database; {waiting} not there yet"
