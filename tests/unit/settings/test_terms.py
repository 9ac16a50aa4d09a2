"""Terms of a configuration: which catalogue is in force, what stands beside it, and which contract each upstream is under."""

from pathlib import Path

import pytest

from proxy.core import snapshot
from proxy.core.terms import CATALOGUE, Adoption
from proxy.documents.problems import ConfigurationError
from proxy.settings.loading import load
from proxy.settings.policies import followed
from proxy.settings.terms import Terms, compiled_terms, own_host
from proxy.terms import releases
from proxy.terms.catalog import read
from tests.catalogues import FILES, HEAD, written


def terms(folder: Path, text: str = "", changed: dict[str, str] | None = None) -> Terms:
    (folder / "tos-proxy.yaml").write_text(text)
    loaded = load({}, folder)
    return compiled_terms(loaded.settings, folder, loaded.document.place, written(folder / "terms", changed))


def test_an_upstream_is_under_what_is_configured_else_by_its_host_else_by_its_name(tmp_path: Path) -> None:
    """What the configuration names comes first; one's own hosts leave it to the model, unless the upstream's name tells more."""
    own = "kind: Contract\nmetadata: {name: self_hosted}\nspec: {hosts: [localhost]}\n"
    named = "kind: Contract\nmetadata: {name: openai.api}\nspec: {}\n"
    found = terms(
        tmp_path,
        "upstreams:\n"
        "  a: {base_url: 'http://x.example', contract: host.api}\n"
        "  b: {base_url: 'https://eu.acme.test/v1'}\n"
        "  c: {base_url: 'http://10.0.0.8:8000'}\n"
        "  d: {base_url: 'https://nobody.example'}\n"
        "  openai: {base_url: 'http://127.0.0.1:1'}\n"
        "  anthropic: {base_url: 'https://api.acme.example'}\n",
        {"own.yaml": own, "named.yaml": named},
    )
    wanted = {"a": "host.api", "b": "acme.api", "c": "self_hosted", "d": "", "openai": "openai.api", "anthropic": "acme.api"}
    assert {name: found.contracts[name] for name in wanted} == wanted
    assert found.contracts["gemini"] == ""


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("contract: acme.ap", "did you mean acme.api?"),
        ("contract: licence.open", ""),
        ("model_licence: x", "terms list shows them"),
    ],
)
def test_a_row_that_is_not_there_is_told(tmp_path: Path, key: str, hint: str) -> None:
    """A contract's name that nothing in the terms has is a mistake in the configuration; a licence is no contract."""
    with pytest.raises(ConfigurationError) as caught:
        terms(tmp_path, f"upstreams:\n  a: {{base_url: 'http://x.example', {key}}}\n")
    (problem,) = map(str, caught.value.problems)
    assert "tos-proxy.yaml:2:" in problem
    assert "no row of the terms is named" in problem
    assert hint in problem


def test_a_pinned_version_is_in_force_and_the_shipped_one_beside_it(tmp_path: Path) -> None:
    """The pinned release judges; what is shipped is in the snapshot as a shadow, with tenants' own rows on both."""
    folder = written(tmp_path / "terms")
    (folder / "releases").mkdir()
    (folder / "releases" / "2026.01.1.json").write_bytes(releases.canonical(read(folder)))
    (tmp_path / "own.yaml").write_text(HEAD + "kind: Contract\nmetadata: {name: ours}\nspec: {base: acme.api}\n")
    newer = FILES["catalogue.yaml"].replace("2026.01.1", "2026.02.1")
    row = FILES["host/host.api.yaml"].replace("train.general]", "train.general, data.publish]")
    found = terms(
        tmp_path, "terms: {version: 2026.01.1}\npolicies: [own.yaml]\n", {"catalogue.yaml": newer, "host/host.api.yaml": row}
    )
    assert found.version == "2026.01.1"
    assert found.newer is not None
    assert found.newer[1].version == "2026.02.1"
    assert "data.publish" in found.newer[0]["host.api"].cells
    assert "data.publish" not in found.rows["host.api"].cells
    assert "ours" in found.rows
    assert "ours" in found.newer[0]
    entries = [line for framed in found.entries() for line in snapshot.lines(framed)]
    assert {(line.put, line.name) for line in entries} >= {("terms", "ours"), ("terms_shadow", "ours"), ("models", "shadow")}
    same = terms(tmp_path, "terms: {version: 2026.02.1}\n", {"catalogue.yaml": newer})
    assert same.newer is None


def test_an_adopted_version_stays_in_force_when_a_newer_one_comes(tmp_path: Path) -> None:
    """What a person put in force is judged by until somebody adopts the newer one; the shipped one if there is no release of it."""
    folder = written(tmp_path / "terms")
    (folder / "releases").mkdir()
    (folder / "releases" / "2026.01.1.json").write_bytes(releases.canonical(read(folder)))
    newer = {"catalogue.yaml": FILES["catalogue.yaml"].replace("2026.01.1", "2026.02.1")}
    assert terms(tmp_path, "", newer).version == "2026.02.1"
    stored = tmp_path / "tos-proxy-data" / "snapshot" / "stored"
    stored.parent.mkdir(parents=True)
    for adopted, version, beside, warned in (
        ("2026.01.1", "2026.01.1", "2026.02.1", 0),
        ("2026.02.1", "2026.02.1", None, 0),
        ("2025.1.1", "2026.02.1", None, 1),
    ):
        adoption = snapshot.put("adoption", CATALOGUE, Adoption(CATALOGUE, "0" * 16, "Counsel", 1, adopted))
        stored.write_bytes(snapshot.base(1, 1, [adoption]))
        found = terms(tmp_path, "", newer)
        assert (found.version, found.newer and found.newer[1].version, len(found.warnings)) == (version, beside, warned)
    assert terms(tmp_path, "terms: {version: 2026.01.1}\n", newer).version == "2026.01.1"
    assert str(stored) in followed(load({}, tmp_path).settings, tmp_path)


def test_what_was_in_force_stays_so_when_the_program_is_newer(tmp_path: Path) -> None:
    """The first start takes what is shipped; a later program's terms wait in shadow until somebody adopts them."""
    folder = written(tmp_path / "terms")
    (folder / "releases").mkdir()
    (folder / "releases" / "2026.01.1.json").write_bytes(releases.canonical(read(folder)))
    newer = {"catalogue.yaml": FILES["catalogue.yaml"].replace("2026.01.1", "2026.02.1")}
    part = tmp_path / "tos-proxy-data" / "snapshot" / "configured"
    part.parent.mkdir(parents=True)
    part.write_bytes(snapshot.base(1, 1, terms(tmp_path, "").entries()))
    found = terms(tmp_path, "", newer)
    assert (found.version, found.newer and found.newer[1].version) == ("2026.01.1", "2026.02.1")
    (waits,) = found.warnings
    assert str(waits).startswith("terms.version: stays at 2026.01.1; what 2026.02.1 says otherwise is in shadow (terms adopt ")


def test_a_version_that_was_never_released_is_told(tmp_path: Path) -> None:
    """The problem stands at the key, and says what is shipped."""
    told = r"tos-proxy\.yaml:1:\d+: terms\.version: no release .*2026\.01\.1 is shipped"
    with pytest.raises(ConfigurationError, match=told):
        terms(tmp_path, "terms: {version: 2025.9.1}\n")


def test_a_shipped_version_that_does_not_fit_stops_nobody(tmp_path: Path) -> None:
    """While a version is pinned, tenants' own rows need not fit the newer one: it is not judged by beside, and that is told."""
    folder = written(tmp_path / "terms")
    (folder / "releases").mkdir()
    (folder / "releases" / "2026.01.1.json").write_bytes(releases.canonical(read(folder)))
    (tmp_path / "own.yaml").write_text(HEAD + "kind: Contract\nmetadata: {name: new.api}\nspec: {base: host.api}\n")
    newer = {
        "catalogue.yaml": FILES["catalogue.yaml"].replace("2026.01.1", "2026.02.1"),
        "new.yaml": "kind: Contract\nmetadata: {name: new.api}\nspec: {}\n",
    }
    found = terms(tmp_path, "terms: {version: 2026.01.1}\npolicies: [own.yaml]\n", newer)
    assert found.newer is None
    assert any("2026.02.1 does not fit together" in str(warning) for warning in found.warnings)


@pytest.mark.parametrize(
    ("host", "own"),
    [("10.1.2.3", True), ("::1", True), ("vllm", True), ("vllm.svc", True), ("8.8.8.8", False), ("api.openai.com", False)],
)
def test_ones_own_hosts_are_known_by_their_addresses(host: str, own: bool) -> None:
    """Private addresses and names without a public ending."""
    assert own_host(host) is own
