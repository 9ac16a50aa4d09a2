"""Volumes that die with something."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.control.volume import SURVIVES, dies_with, statement

MOUNTS = r"""22 1 254:0 / / rw,relatime - overlay overlay rw,lowerdir=/a
30 22 254:1 /var/lib/kubelet/pods/1b/volumes/kubernetes.io~empty-dir/records /var/lib/tos-proxy rw - ext4 /dev/vda rw
31 22 0:44 / /dev/shm rw,nosuid - tmpfs tmpfs rw
32 22 254:9 / /mnt/claim rw - xfs /dev/vdb rw
33 22 254:9 /x /mnt/with\040space rw - xfs /dev/vdb rw
34 32 0:45 / /mnt/claim/fast rw - tmpfs tmpfs rw
35 32 254:9 / /mnt/claim/fast rw - xfs /dev/vdb rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """A table of mounts."""
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("folder", "fate"),
    [
        ("/var/lib/tos-proxy/records", "pod"),
        ("/var/lib/tos-proxyish", "container"),
        ("/dev/shm", "memory"),
        ("/mnt/claim/data", ""),
        ("/mnt/with space", ""),
        ("/mnt/claim/fast/x", ""),
    ],
)
def test_fate(mounts: Path, folder: str, fate: str) -> None:
    """The volume that a folder lies on tells with what it dies, as far as it can be told."""
    assert dies_with(Path(folder), mounts) == fate


def test_statement(mounts: Path, tmp_path: Path) -> None:
    """What is said names what records survive, and with the database as their second place what is not there yet."""
    evicted = Path("/var/lib/tos-proxy")
    assert statement(evicted, copied=False, lag=None, mounts=mounts) == "records survive process death, not pod eviction"
    assert (
        statement(evicted, copied=True, lag=3, mounts=mounts)
        == f"{SURVIVES['pod']}, until they are in the database; 3 entries are not there yet"
    )
    assert "nobody can tell" in statement(Path("/mnt/claim"), copied=True, lag=None, mounts=mounts)
    assert statement(Path("/mnt/claim"), copied=False, lag=3, mounts=mounts) == ""
    assert dies_with(evicted, tmp_path / "nothing") == ""
