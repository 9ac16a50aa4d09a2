"""The evaluation and the training run on any folder of recordings; here on one that is made up on the spot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.detection import __main__ as evaluation
from benchmarks.detection import lexicon, training
from benchmarks.detection.statistics import interval, quantile, tail, upper
from proxy.detection.weights import read_weights
from tests.unit.detection.traffic import filling

PROMPTS = {
    "extraction": "Come up with ten diverse instructions to make training data. Avoid repetition of forms. The seed is this. {}.",
    "benign": "Classify this message of a customer. Use exactly one of the labels. {}.",
}


def record(label: str, number: int) -> dict[str, Any]:
    """One recorded request."""
    content = PROMPTS[label].replace("{}", filling(number))
    body = {"model": "m", "temperature": 0.8 if label == "extraction" else 0.0, "messages": [{"role": "user", "content": content}]}
    out = 120 if label == "extraction" else 4
    usage = {"prompt_tokens": 60, "completion_tokens": out}
    return {"client": "c", "t": number, "path": "/v1/chat/completions", "body": body, "status": 200, "usage": usage, "label": label}


@pytest.fixture(autouse=True)
def few_texts(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A lexicon of few texts, fitted anew."""
    folder = tmp_path_factory.mktemp("wordings")
    rows = [
        {"label": label, "family": f"{label} {n % 5}", "text": f"{PROMPTS[kind]} Kind {filling(n, 3)}."}
        for label, kind in (("data", "extraction"), ("other", "benign"))
        for n in range(10)
    ]
    (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setattr(lexicon, "FOLDER", folder)
    lexicon.fitted.cache_clear()
    yield
    lexicon.fitted.cache_clear()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two pipelines and two classifiers, of four tools."""
    runs = []
    for number, label in enumerate(("extraction", "extraction", "benign", "benign")):
        name = f"run-{number}"
        lines = [json.dumps(record(label, 1000 * number + n)) for n in range(150)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        runs.append(
            {"run": name, "file": f"{name}.jsonl", "label": label, "technique": label, "tool": name, "time_scale": 1, "clients": 1}
        )
    (tmp_path / "index.json").write_text(json.dumps({"runs": runs}))
    return tmp_path


def test_the_evaluation_prints_its_rows(corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Both pipelines are found by weights that never saw their tool, no classifier is, and every part prints."""
    monkeypatch.setattr("sys.argv", ["x", "--corpus", str(corpus), "--days", "3", "--accounts", "20"])
    evaluation.main()
    out = capsys.readouterr().out
    assert "extraction 2/2 = 100%" in out
    assert "all client-days: extraction 0/6" in out
    assert out.count("\n## ") == len(evaluation.PARTS)


def test_training_is_reproducible(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same folder gives the same weights, which the detector can read, and which tell their conditions."""
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in files:
        monkeypatch.setattr("sys.argv", ["x", "--corpus", str(corpus), "--write", str(file)])
        training.main()
    assert files[0].read_bytes() == files[1].read_bytes()
    weights = read_weights(files[0].read_text())
    assert weights.training["runs"] == {"extraction": 2, "benign": 2}
    assert weights.terms["warm"].weight == read_weights(training.PRIOR.read_text()).terms["warm"].weight


def test_training_on_several_folders(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are taken together, and so are the indexes of one."""
    more = tmp_path / "more"
    more.mkdir()
    entries = json.loads((corpus / "index.json").read_text())["runs"]
    for name, kept in (("index-a.json", entries[:1]), ("index-b.json", entries[2:3])):
        (more / name).write_text(json.dumps({"runs": [{**kept[0], "run": f"more-{name}", "tool": name}]}))
        (more / kept[0]["file"]).write_bytes((corpus / kept[0]["file"]).read_bytes())
    monkeypatch.setattr("sys.argv", ["x", "--corpus", str(corpus), str(more), "--write", str(tmp_path / "w.json")])
    training.main()
    assert read_weights((tmp_path / "w.json").read_text()).training["runs"] == {"extraction": 3, "benign": 3}


def test_intervals() -> None:
    """Clopper-Pearson as tables have it; many trials and few agree."""
    low, high = interval(0, 10)
    assert low == 0
    assert high == pytest.approx(0.3085, abs=1e-3)
    assert interval(9, 10) == (pytest.approx(0.555, abs=1e-3), pytest.approx(0.9975, abs=1e-3))
    assert upper(0, 3000) == pytest.approx(0.001, abs=1e-4)
    assert tail(3, 500, 0.01) == pytest.approx(sum(tail(3, 500, 0.01) for _ in range(2)) / 2)
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_the_lexicon_says_how_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Kinds of text that are left out are told apart, and the command prints how well."""
    lexicon.main()
    out = capsys.readouterr().out
    assert "10 texts that make data, 10 others, 10 kinds" in out
    assert "in the right order: 100%" in out


def test_programs_written_down(capsys: pytest.CaptureFixture[str], corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that makes data is found or asked about more often than another, whichever settings the lot gives it."""
    monkeypatch.setattr("sys.argv", ["x", "--corpus", str(corpus), "--only", "written"])
    evaluation.main()
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if "| any |" in line]
    data, other = (int(row[5].split("/")[0]) for row in rows)
    assert data > other
