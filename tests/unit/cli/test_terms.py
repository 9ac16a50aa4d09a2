"""`tos-proxy terms`: the shipped terms and a tenant's own, looked at and judged by from the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from proxy.terms import releases
from proxy.terms.catalog import read
from proxy.terms.drift import fingerprint
from tests.catalogues import FILES, written
from tests.unit.cli.conftest import Command


@pytest.fixture
def terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small catalogue in place of the shipped one."""
    folder = written(tmp_path / "terms")
    monkeypatch.setattr(releases, "terms_folder", lambda: folder)
    return folder


def test_list_counts_verdicts_of_a_day(command: Command, terms: Path) -> None:
    """Each row with how many purposes have which verdict then, and that nobody has read it."""
    items = {each["row"]: each for each in json.loads(command("terms", "list", "--on", "2026-06-01", "--json").out)["items"]}
    assert items["acme.api"]["verdicts"] == {"allow": 3, "allow_with_obligations": 1, "review": 1, "forbid": 4, "model": 0}
    assert items["acme.api"]["read_by_counsel"] == "none"
    assert items["licence.open"]["kind"] == "licence"
    table = command("terms", "list").out
    assert "READ BY COUNSEL" in table
    assert "4 rows, version 2026.01.1" in table


def test_show_names_clause_section_source_and_reader(command: Command, terms: Path) -> None:
    """A cell of a day with its clause in the text of that day; a clause by itself; a name that nothing has is told."""
    out = command("terms", "show", "acme.api", "--purpose", "train.general", "--on", "2025-06-01").out
    for told in (
        "train.general: forbid  (prohibition, until 2026-01-01)",
        "acme.compete: Agreement 3, text from 2025-01-01 until 2026-01-01",
    ):
        assert told in out
    assert "read by counsel: none" in out
    assert "https://acme.example/terms" in out
    cell = json.loads(command("terms", "show", "acme.api", "--purpose", "data.publish", "--json").out)["cells"][0]
    assert (cell["verdict"], cell["confirmed"], cell["clauses"][0]["confidence"]) == ("review", False, "memory")
    assert json.loads(command("terms", "show", "acme.exception", "--json").out)["review_by"] == "2027-06-01"
    assert "nothing is said of that: review" in command("terms", "show", "host.api", "--purpose", "eval.private").out
    missing = command("terms", "show", "acme.aip")
    assert missing.code == 2
    assert "did you mean acme.api" in missing.err


def test_verdict_tells_by_its_exit_code(command: Command, terms: Path, tmp_path: Path) -> None:
    """1 for forbid, 0 for all else, with every row that took part and why."""
    (tmp_path / "tos-proxy.yaml").write_text("upstreams: {acme: {base_url: 'https://api.acme.example'}}\n")
    asked = ("terms", "verdict", "--upstream", "acme", "--purpose", "train.general", "--on", "2026-06-01")
    refused = command(*asked, "--model", "open-7b", "--json")
    told = json.loads(refused.out)
    assert (refused.code, told["verdict"], told["conflict"]) == (1, "forbid", True)
    assert [(row["row"], row["verdict"]) for row in told["rows"]] == [
        ("acme.api@2026-01-01", "forbid"),
        ("licence.open", "allow_with_obligations"),
    ]
    passed = command("terms", "verdict", "--contract", "acme.api", "--attribute", "distributed=false", "--on", "2026-06-01",
                     "--purpose", "train.classifier_internal")  # fmt: skip
    assert passed.code == 0
    assert "duty: kept inside" in passed.out
    assert command("terms", "verdict", "--upstream", "acme", "--plan", "oauth_subscription", "--purpose", "use.product").code == 1
    assert "judged as use.internal" in command("terms", "verdict", "--contract", "acme.api").out
    told = "tos-proxy: warning: nothing here reads the attribute 'distrbuted', did you mean distributed?\n"
    assert command("terms", "verdict", "--contract", "acme.api", "--attribute", "distrbuted=false").err == told
    for wrong in (
        ("--purpose", "train.all"),
        ("--contract", "acme.ap"),
        ("--on", "soon"),
        ("--attribute", "x"),
        ("--upstream", "b"),
    ):
        assert command("terms", "verdict", "--contract", "acme.api", *wrong).code == 2


def test_diff_tells_cells_clauses_and_days(command: Command, terms: Path, tmp_path: Path) -> None:
    """A shorter ban is a changed cell on the days in between; the same terms differ in nothing."""
    assert command("terms", "diff", "shipped", str(terms)).code == 0
    row = FILES["acme/acme.api.yaml"].replace(
        "{purpose: eval.private, verdict: allow, review_by: 2027-01-01}",
        "{purpose: eval.private, verdict: allow, review_by: 2028-01-01}",
    )
    changed = {"acme/acme.api.yaml": row, "models.yaml": FILES["models.yaml"].replace("open-*", "wide-*")}
    newer = written(tmp_path / "newer", changed | {"catalogue.yaml": FILES["catalogue.yaml"].replace("2026.01.1", "2026.02.1")})
    found = command("terms", "diff", "shipped", str(newer), "--json")
    told = json.loads(found.out)
    assert found.code == 1
    assert (told["old"], told["new"]) == ("2026.01.1", "2026.02.1")
    (cell,) = told["cells"]
    assert (cell["purpose"], cell["verdict"], cell["from"], cell["until"]) == (
        "eval.private",
        ["review", "allow"],
        "2027-01-01",
        "2028-01-01",
    )
    assert {each["glob"] for each in told["models"]} == {"open-*", "wide-*"}
    (tmp_path / "r.json").write_bytes(releases.canonical(read(newer)))
    assert command("terms", "diff", str(newer), str(tmp_path / "r.json")).code == 0
    assert (
        "eval.private: review -> allow  (from 2027-01-01 until 2028-01-01)" in command("terms", "diff", "shipped", str(newer)).out
    )
    assert command("terms", "diff", "2020.1").code == 2


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *named, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_drift_tells_changed_from_vanished(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of then comes from the commit in which it was read, and a commit that changes no clause is no drift."""
    archive = tmp_path / "archive"
    (archive / "ACME").mkdir(parents=True)
    text = archive / "ACME" / "Terms.md"
    line = "**3.** You may not use the output of the service to develop competing artificial intelligence models."
    text.write_text(f"# Terms\n\n{line}\n\nMenu\n")
    git(archive, "init", "-q")
    git(archive, "add", ".")
    git(archive, "commit", "-qm", "First")
    seen = git(archive, "rev-parse", "--short=7", "HEAD")
    document = FILES["acme/agreement@2026-01-01.yaml"].replace(
        "{id: acme.compete,",
        f"{{id: acme.compete, fingerprint: {fingerprint(line)}, seen: {{source: x, commit: '{seen}'}},",
    )
    folder = written(tmp_path / "terms", {"acme/agreement@2026-01-01.yaml": document})
    monkeypatch.setattr(releases, "terms_folder", lambda: folder)
    states = {}
    for name, content in {
        "noise": f"# Terms\n\n{line.replace('**', '')}\n\nOther menu\n",
        "changed": f"# Terms\n\n{line.replace('competing', 'any or all')}\n",
        "vanished": "# Terms\n\nBe kind.\n",
    }.items():
        text.write_text(content)
        ran = command("terms", "drift", str(archive), "--all", "--json")
        (item,) = json.loads(ran.out)["items"]
        states[name] = (ran.code, item["state"])
    assert states == {"noise": (0, "unchanged"), "changed": (1, "changed"), "vanished": (1, "vanished")}
    assert "1 vanished" in command("terms", "drift", str(archive)).out
    assert command("terms", "drift", str(tmp_path / "nowhere")).code == 2


def test_the_shipped_terms_are_judged_by(command: Command) -> None:
    """Nothing needs to be configured for a verdict on a built-in upstream."""
    ran = command(
        "terms", "verdict", "--upstream", "openai", "--model", "gpt-5", "--purpose", "train.general", "--on", "2026-06-01", "--json"
    )
    told = json.loads(ran.out)
    assert (ran.code, told["verdict"]) == (1, "forbid")
    assert any(clause.startswith("openai.services") for clause in told["clauses"])


def test_adopt_is_of_the_text_that_was_read(command: Command, terms: Path) -> None:
    """A row is shown as read by whoever adopted it, confirmed by that, and unread again once it says anything else."""
    assert command("terms", "adopt", "--by", "Counsel").code == 2
    assert command("terms", "adopt", "--by", "Counsel", "acme.ap").code == 2
    assert "Counsel on 2" in command("terms", "adopt", "--by", "Counsel", "acme.api").out
    asked = ("terms", "show", "acme.api", "--purpose", "security.provider", "--json")
    cell = json.loads(command(*asked).out)["cells"][0]
    assert cell["read_by_counsel"].startswith("Counsel on ")
    assert cell["confirmed"] is True
    written(terms, {"acme/acme.api.yaml": FILES["acme/acme.api.yaml"].replace("kept inside", "kept within")})
    assert json.loads(command(*asked).out)["cells"][0]["read_by_counsel"] == "none"
    adopted = json.loads(command("terms", "adopt", "--by", "Counsel", "--all", "--json").out)
    assert [each["row"] for each in adopted] == ["acme.api", "acme.consumer", "host.api", "licence.open"]
    assert command("terms", "adopt", "--by", "Counsel", "--all").out == "nothing is unread\n"


def test_a_version_is_adopted_as_a_whole(command: Command, terms: Path, tmp_path: Path) -> None:
    """The version that somebody put in force is judged by when a newer one is installed; a pinned one leaves nothing to adopt."""
    (terms / "releases").mkdir()
    (terms / "releases" / "2026.01.1.json").write_bytes(releases.canonical(read(terms)))
    assert command("terms", "adopt", "--by", "Counsel", "--version", "2020.1").code == 2
    assert "catalogue  2026.01.1  Counsel on " in command("terms", "adopt", "--by", "Counsel", "--version", "2026.01.1").out
    written(terms, {"catalogue.yaml": FILES["catalogue.yaml"].replace("2026.01.1", "2026.02.1")})
    assert json.loads(command("terms", "list", "--json").out)["version"] == "2026.01.1"
    assert command("terms", "adopt", "--by", "Counsel", "--version", "2026.02.1").code == 0
    assert json.loads(command("terms", "list", "--json").out)["version"] == "2026.02.1"
    (tmp_path / "tos-proxy.yaml").write_text("terms: {version: 2026.01.1}\n")
    assert "pins 2026.01.1" in command("terms", "adopt", "--by", "Counsel", "--version", "2026.02.1").err
