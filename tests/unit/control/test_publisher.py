"""Snapshots as published: numbers, parts, deltas, and what a crash leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.control.publisher import Publisher, SameNameError
from proxy.core import snapshot
from proxy.core.principal import Principal
from proxy.core.snapshot import CredentialEntry


def principal(name: str, purpose: str = "use.product") -> bytes:
    return snapshot.put("principal", name, Principal(name=name, purpose=purpose, purposes=(purpose,)))


def current(folder: Path) -> bytes:
    return (folder / "snapshot" / "current").read_bytes()


def test_first_is_a_base(tmp_path: Path) -> None:
    """The first publication is a base that carries number 1 and ends with its commit."""
    assert Publisher(tmp_path).configure([principal("a")]) == 1
    lines = list(snapshot.lines(current(tmp_path)))
    assert lines[0].format == 1
    assert lines[0].number == 1
    assert lines[-1].commit == 1


def test_change_is_appended(tmp_path: Path) -> None:
    """A changed, a new and a dropped principal become one delta behind the same base, under the next number; its stamp says so."""
    publisher = Publisher(tmp_path)
    assert publisher.stamp() is None
    publisher.configure([principal("a"), principal("b")])
    stamp = publisher.stamp()
    before = current(tmp_path)
    assert publisher.configure([principal("a", "eval.private"), principal("c")]) == 2
    assert current(tmp_path).startswith(before)
    assert stamp not in {None, publisher.stamp()}
    assert publisher.entries() == {("principal", "a"): principal("a", "eval.private"), ("principal", "c"): principal("c")}


def test_nothing_changed_writes_nothing(tmp_path: Path) -> None:
    """The same entries again keep the number and the file."""
    publisher = Publisher(tmp_path)
    publisher.configure([principal("a")])
    inode = (tmp_path / "snapshot" / "current").stat().st_ino
    assert publisher.configure([principal("a")]) == 1
    assert (tmp_path / "snapshot" / "current").stat().st_ino == inode


def test_parts_are_kept_apart(tmp_path: Path) -> None:
    """A new configuration keeps what the store said, also for a publisher that never saw the store."""
    Publisher(tmp_path).configure([principal("configured")])
    Publisher(tmp_path).store([principal("stored"), snapshot.put("credential", "ab" * 32, CredentialEntry("stored", virtual=True))])
    Publisher(tmp_path).configure([principal("other")])
    assert set(Publisher(tmp_path).entries()) == {("principal", "other"), ("principal", "stored"), ("credential", "ab" * 32)}
    Publisher(tmp_path).store([])
    assert set(Publisher(tmp_path).entries()) == {("principal", "other")}


def test_same_name_twice(tmp_path: Path) -> None:
    """A name that is configured and stored is refused, and what was in force stays."""
    publisher = Publisher(tmp_path)
    publisher.configure([principal("a")])
    with pytest.raises(SameNameError, match="the principal a is both"):
        publisher.store([principal("a")])
    assert publisher.number() == 1


@pytest.mark.parametrize("torn", [1, 9, 40])
def test_torn_tail_makes_a_new_base(tmp_path: Path, torn: int) -> None:
    """A tail that a crash left half written is replaced by a new base, never appended to."""
    publisher = Publisher(tmp_path)
    publisher.configure([principal("a")])
    path = tmp_path / "snapshot" / "current"
    path.write_bytes(path.read_bytes() + principal("b")[:torn])
    assert publisher.number() == 1
    assert publisher.configure([principal("a"), principal("c")]) == 2
    assert b'"format"' in current(tmp_path).split(b"\n")[0]
    assert [line.commit for line in snapshot.lines(current(tmp_path)) if line.commit] == [2]


def test_deltas_are_folded(tmp_path: Path) -> None:
    """A file of many deltas is folded into a new base before it grows without bound; numbers go on."""
    publisher = Publisher(tmp_path)
    large = "x" * 300_000
    for turn in range(12):
        row = snapshot.put("principal", "a", Principal(name="a", attributes={"turn": str(turn), "large": large}))
        assert publisher.configure([row]) == turn + 1
    assert len(current(tmp_path)) < 2_500_000
