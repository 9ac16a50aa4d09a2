"""What is followed beside the configuration file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.settings import following
from proxy.settings.following import INSTALLED, Following, stamps
from proxy.settings.shipped import policies_folder
from proxy.terms.releases import terms_folder


def test_the_installation_is_looked_at_by_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that come, go or are replaced are seen at once; one written in place when told to look, or when it is time. What is not
    the installation's is seen in full every time.
    """
    monkeypatch.setattr(following, "_INSTALLED_SECONDS", 3600.0)
    installed, own = tmp_path / "installed", tmp_path / "own"
    for folder in (installed / "inner", own):
        folder.mkdir(parents=True)
        (folder / "a.yaml").write_text("a")
    look = Following((str(installed),))
    seen: dict[Path, str] = {}

    def changed(path: Path) -> bool:
        before, seen[path] = seen.get(path), look.stamps(str(path))
        return seen[path] != before

    def aged() -> None:
        """Its folder has not changed for years: a change within the clock's tick could not be told from the one before."""
        os.utime(installed / "inner", (1, 1))
        changed(installed)

    aged()
    assert seen[installed] == stamps(str(installed))
    assert changed(own)
    assert not changed(installed)
    (installed / "inner" / "b.yaml").write_text("b")
    assert changed(installed)
    aged()
    (installed / "inner" / "b.yaml").replace(installed / "inner" / "a.yaml")
    assert changed(installed)
    for path in (installed / "inner" / "a.yaml", own / "a.yaml"):
        path.write_text("more")
    assert changed(own)
    assert not changed(installed)
    look.forget()
    assert changed(installed)
    (installed / "inner" / "a.yaml").write_text("still more")
    monkeypatch.setattr(following, "_INSTALLED_SECONDS", -1.0)
    look.forget()
    assert changed(installed)
    (installed / "inner" / "a.yaml").write_text("and more")
    assert changed(installed)


def test_the_installation_is_its_packs_and_terms() -> None:
    """Policies of one's own that stand beside them in a checkout are not."""
    own = str(policies_folder("packs").parent / "own")
    assert {str(policies_folder("packs")), str(terms_folder())} <= set(INSTALLED)
    assert not any(own.startswith(folder) for folder in INSTALLED)


def test_a_folder_is_of_the_installation_by_its_whole_name(tmp_path: Path) -> None:
    """One beside it whose name begins alike is not, and what is not there is seen to come."""
    beside = tmp_path / "policies-own"
    look = Following((str(tmp_path / "policies"),))
    missing = look.stamps(str(tmp_path / "policies" / "terms"))
    beside.mkdir()
    (beside / "a.yaml").write_text("a")
    before = look.stamps(str(beside))
    (beside / "a.yaml").write_text("more")
    assert look.stamps(str(beside)) != before
    (tmp_path / "policies" / "terms").mkdir(parents=True)
    assert look.stamps(str(tmp_path / "policies" / "terms")) != missing
