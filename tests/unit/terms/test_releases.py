"""Released versions: what was released is read back as it was, and anything else is refused in one line."""

import tomllib
from pathlib import Path

import pytest

from proxy.documents.problems import ConfigurationError
from proxy.terms import compiling, releases
from proxy.terms.catalog import read
from tests.catalogues import FILES, written


def test_a_release_says_what_the_files_said(tmp_path: Path) -> None:
    """Rows compiled from a release are those compiled from the files, and writing it again gives the same bytes."""
    catalogue = read(written(tmp_path))
    text = releases.canonical(catalogue)
    again = releases.parsed(text, "r.json")
    assert compiling.rows(again) == compiling.rows(catalogue)
    assert compiling.models(again) == compiling.models(catalogue)
    assert compiling.clauses(again) == compiling.clauses(catalogue)
    assert releases.canonical(again) == text


def test_a_version_is_found_by_its_name(tmp_path: Path) -> None:
    """A pinned version is loaded from its file; one that was not released is told, with those that were."""
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "2026.01.1.json").write_bytes(releases.canonical(read(written(tmp_path))))
    assert releases.load(tmp_path, "2026.01.1").version == "2026.01.1"
    with pytest.raises(releases.NoTermsError, match=r"no release of the terms has the version \.\./x; there are 2026\.01\.1"):
        releases.load(tmp_path, "../x")


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "version": "1", "files": [{"kind": "X"}], "models": []}']
)
def test_what_is_no_release_is_refused(text: bytes) -> None:
    """Torn, foreign or newer files are a problem with a place, never a traceback."""
    with pytest.raises(ConfigurationError, match=r"r\.json"):
        releases.parsed(text, "r.json")


def test_a_release_is_checked_like_files(tmp_path: Path) -> None:
    """What would not fit together as files does not as a release."""
    text = releases.canonical(read(written(tmp_path, {"models.yaml": FILES["models.yaml"]})))
    with pytest.raises(ConfigurationError, match=r"no row is named licence\.other"):
        releases.parsed(text.replace(b'"row": "licence.open"', b'"row": "licence.other"'), "r.json")


def test_the_shipped_terms_are_found() -> None:
    """The folder of the checkout, or of the package."""
    assert releases.terms_folder().name == "terms"


def test_terms_travel_in_the_wheel() -> None:
    """What the checkout has as `policies` the package has as `proxy/_policies`."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "policies" in wheel["only-include"]
    assert wheel["sources"]["policies"] == "proxy/_policies"


def test_what_was_released_stays_as_it_was() -> None:
    """The shipped version, once it is released, says what its release says; another text is another version."""
    folder = releases.terms_folder()
    shipped = read(folder)
    if shipped.version in releases.released(folder):
        release = folder / releases.RELEASES / f"{shipped.version}.json"
        assert releases.canonical(shipped) == release.read_bytes(), "scripts/release-terms says what to do"
    for version in releases.released(folder):
        assert releases.load(folder, version).version == version
