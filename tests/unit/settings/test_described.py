"""What control goes by."""

from __future__ import annotations

import hashlib
from pathlib import Path

from proxy.settings.described import Description, Running, config_file, digest

RUNNING = Running("/d", "sqlite:////d/store.db", None, 1, 2.0, 3.0, copied=False, ship_seconds=4.0)


def test_restart() -> None:
    """Keys that differ are named, in their order; others are not."""
    before, after = (Description(RUNNING, "", {"data_dir": "1", "admin": word, "health": word}, [], []) for word in ("a", "b"))
    assert before.restart_for(after) == ["admin", "health"]
    assert before.restart_for(before) == []
    assert RUNNING.data_dir == Path("/d")


def test_the_file(tmp_path: Path) -> None:
    """The named file, else the usual one if there; the digest follows its bytes, and is empty for a file that cannot be read."""
    assert config_file({}, tmp_path) is None
    assert digest({"TOS_PROXY_CONFIG": "gone.yaml"}, tmp_path) == ""
    assert digest({}, tmp_path) == hashlib.sha256(b"").hexdigest()
    (tmp_path / "tos-proxy.yaml").write_text("a")
    first = digest({}, tmp_path)
    (tmp_path / "tos-proxy.yaml").write_text("b")
    assert digest({}, tmp_path) not in ("", first)
    assert config_file({"TOS_PROXY_CONFIG": "other.yaml"}, tmp_path) == tmp_path / "other.yaml"


def test_what_is_followed_counts(tmp_path: Path) -> None:
    """A file of policies that is written, added, replaced or removed changes the digest; other files and hidden ones do not."""
    folder, file = tmp_path / "policies", tmp_path / "own.yaml"
    (folder / "inner").mkdir(parents=True)
    file.write_text("a")
    seen = [digest({}, tmp_path, [str(folder), str(file)])]

    def changed() -> bool:
        seen.append(digest({}, tmp_path, [str(folder), str(file)]))
        return seen[-1] != seen[-2]

    assert not changed()
    file.write_text("bc")
    assert changed()
    (folder / "inner" / "p.yaml").write_text("a")
    assert changed()
    (folder / "inner" / "new").write_text("b")
    assert not changed()
    (folder / "inner" / "new").replace(folder / "inner" / "p.yaml")
    assert changed()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "p.yaml").write_text("a")
    assert not changed()
    (folder / "inner" / "p.yaml").unlink()
    assert changed()
    file.unlink()
    assert changed()
