"""Catalogues: whole folders are read or refused, tenants' own files are laid over them, and no file can hurt the reader."""

from pathlib import Path

import pytest

from proxy.documents.problems import ConfigurationError
from proxy.terms.catalog import extended, read
from tests.catalogues import HEAD, written


def test_a_folder_is_a_catalogue(tmp_path: Path) -> None:
    """Every file has its place; hidden files, tests and releases are not looked at."""
    folder = written(
        tmp_path, {".hidden.yaml": "x", "acme/x_test.yaml": "kind: PolicyTest\n", "releases/1.yaml": "kind: Unknown\n"}
    )
    catalogue = read(folder)
    assert catalogue.version == "2026.01.1"
    assert list(catalogue.contracts) == ["acme.api", "acme.consumer", "host.api"]
    assert list(catalogue.licences) == ["licence.open"]
    assert [text.spec.effective.from_.isoformat() for text in catalogue.texts["acme.agreement"]] == ["2025-01-01", "2026-01-01"]
    assert catalogue.own == frozenset()


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    """No terms at all is a mistake in a path, not a catalogue."""
    with pytest.raises(ConfigurationError, match="holds no terms"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: Contract\nkind: Contract\n", "bad.yaml:3:1: kind: the same key twice (first in line 2)"),
        ("kind: Contrct\n", "bad.yaml:2:7: kind: should be one of Document, Contract"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: &c{n} [{', '.join(['*b'] * 9)}]\n" for n in range(9)), "bad.yaml"),
        ("a: &a [*a]\n", "an alias that contains itself"),
        ("a: " + "[" * 100 + "]" * 100 + "\n", "nested deeper than"),
        ("kind: !!python/object:os.system x\n", "is not allowed"),
        ("kind: [Contract]\n", "should be one of"),
        ("\x00", "not YAML"),
        ("- kind: Contract\n", "not YAML"),
        ("kind: Contract\nmetadata: {name: ../../x}\nspec: {}\n", "should match pattern"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    """Duplicate keys, bombs, tags and loops are problems of one file, all others are unharmed."""
    written(tmp_path, {"bad.yaml": text})
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path)
    assert any(told in str(problem) for problem in caught.value.problems), caught.value.problems
    assert all("bad.yaml" in problem.place for problem in caught.value.problems)


def test_tenants_lay_their_own_over_it(tmp_path: Path) -> None:
    """A tenant's folder may hold other kinds of file, which are not looked at; its models stand before the shipped ones."""
    catalogue = read(written(tmp_path / "shipped"))
    own = tmp_path / "own"
    own.mkdir()
    (own / "rule.yaml").write_text(HEAD + "kind: Policy\nmetadata: {name: x}\nspec: {}\n")
    (own / "models.yaml").write_text(
        HEAD + "kind: Models\nmetadata: {name: ours}\nspec: {models: [{glob: acme-ours, row: licence.open}]}\n"
    )
    (own / "row.yaml").write_text(
        HEAD + "kind: Contract\nmetadata: {name: ours}\nspec: {base: acme.api, order_form_at: 2025-06-01}\n"
    )
    whole = extended(catalogue, [own])
    assert (whole.version, whole.own) == ("2026.01.1", frozenset({"ours"}))
    assert [line.glob for line in whole.models] == [["acme-ours"], ["open-*"], ["acme-*"]]
    assert extended(catalogue, [tmp_path / "nothing"]) is catalogue


def test_a_tenant_cannot_redefine_what_is_shipped(tmp_path: Path) -> None:
    """A name that is taken, a version that is not a tenant's to say and a base that is not there are told in the tenant's file."""
    catalogue = read(written(tmp_path / "shipped"))
    own = written(tmp_path / "own", {"models.yaml": "kind: Models\nmetadata: {name: x}\nspec: {models: []}\n"})
    with pytest.raises(ConfigurationError) as caught:
        extended(catalogue, [own])
    told = [str(problem) for problem in caught.value.problems]
    assert any("acme.api is already in the catalogue" in problem for problem in told)
    assert all(problem.startswith(str(own)) for problem in told)
    assert any("pin one: terms: {version: …}" in problem for problem in told)
