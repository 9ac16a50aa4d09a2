"""Who serves a data folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.control.presence import AlreadyServedError, Presence, who_serves


def test_found_while_it_serves(tmp_path: Path) -> None:
    """A supervisor is found with what it told, for each of its duties, and no more once it has left."""
    presence = Presence(tmp_path, "all")
    assert presence.claim() is False
    presence.tell({"admin_url": "http://x"})
    for duty in ("gateway", "control"):
        served = who_serves(tmp_path, duty)
        assert served is not None
        assert (served["pid"], served["admin_url"]) == (os.getpid(), "http://x")
    presence.leave()
    assert who_serves(tmp_path, "control") is None


def test_one_per_duty(tmp_path: Path) -> None:
    """A duty has one supervisor; gateway and control may be two."""
    gateway, control = Presence(tmp_path, "gateway"), Presence(tmp_path, "control")
    gateway.claim()
    control.claim()
    other = Presence(tmp_path, "all")
    with pytest.raises(AlreadyServedError, match=f"process {os.getpid()}"):
        other.claim()
    for each in (gateway, control, other):
        each.leave()


def test_what_a_killed_one_left(tmp_path: Path) -> None:
    """A file without a lock is no supervisor, and the next one learns that its predecessor was killed."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "all.json").write_text('{"pid": 1}')
    assert who_serves(tmp_path, "control") is None
    presence = Presence(tmp_path, "all")
    assert presence.claim() is True
    presence.leave()
