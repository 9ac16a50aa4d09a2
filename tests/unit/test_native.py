"""Compiled modules are taken all or none, and only where they fit their sources to the byte."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from proxy import native

PATHS = ("proxy/core/one.py", "proxy/wire/two.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sources, and what was compiled from them."""
    folder = tmp_path / "compiled"
    folder.mkdir()
    manifest = ""
    for path in PATHS:
        source = tmp_path / path
        source.parent.mkdir(parents=True)
        source.write_text(f"# {path}")
        manifest += f"{native.digest(source)}  {path}\n"
        (folder / (path.removesuffix(".py").replace("/", ".") + native.SUFFIX)).touch()
    (folder / native.MANIFEST).write_text(manifest)
    return tmp_path


def test_what_fits_is_found(root: Path) -> None:
    """Every compiled module is known by its full name."""
    assert set(native.fitting(root / "compiled", root)) == {"proxy.core.one", "proxy.wire.two"}


def test_one_edited_source_puts_all_out_of_use(root: Path) -> None:
    """Compiled modules call each other without looking names up, so that a mixture would be neither version."""
    (root / PATHS[1]).write_text("# edited")
    assert native.fitting(root / "compiled", root) == {}


@pytest.mark.parametrize("manifest", ["", "nonsense", "\xff"])
def test_a_manifest_that_says_nothing_counts_for_nothing(root: Path, manifest: str) -> None:
    """Half-made or damaged folders are as none at all."""
    (root / "compiled" / native.MANIFEST).write_text(manifest, "latin-1")
    assert native.fitting(root / "compiled", root) == {}


def test_a_source_that_is_gone_counts_as_edited(root: Path) -> None:
    """Nothing compiled outlives its source."""
    (root / PATHS[0]).unlink()
    assert native.fitting(root / "compiled", root) == {}


def test_the_finder_knows_only_what_was_compiled(root: Path) -> None:
    """Everything else is found as ever."""
    finder = native.NativeFinder(native.fitting(root / "compiled", root))
    found = finder.find_spec("proxy.core.one")
    assert found is not None
    assert found.origin is not None
    assert found.origin.endswith(native.SUFFIX)
    assert finder.find_spec("proxy.core.other") is None


def test_saying_no_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOS_PROXY_NATIVE=0 leaves compiled modules aside."""
    monkeypatch.setenv("TOS_PROXY_NATIVE", "0")
    before = list(sys.meta_path)
    assert not native.prefer()
    assert sys.meta_path == before
