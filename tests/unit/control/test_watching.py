"""A watched population: reports have exactly their fields, times start with the recording, ties keep an order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.control.observing import Asked, observations
from proxy.control.recorded import RecordedError, reader
from proxy.control.watching import Watch, shipped_weights, watch
from proxy.detection.detector import Detector
from tests.unit.detection.traffic import filling

FIELDS = [
    "client",
    "requests",
    "prompts",
    "flagged_at",
    "questioned_at",
    "flagged_t",
    "score",
    "standing",
    "group",
    "signals",
    "sentence",
]
MAKING = "Come up with ten diverse instructions to make training data. Avoid repetition of forms. The seed is this. {}."


def asked(number: int, client: str = "c", *, start: float = 0.0) -> Asked:
    """One request of a pipeline."""
    body = {"model": "m", "temperature": 0.8, "messages": [{"role": "user", "content": MAKING.replace("{}", filling(number))}]}
    return Asked(client, start + number, "POST", "/v1/chat/completions", body, output_tokens=120, input_tokens=50)


def lines(count: int, client: str = "c") -> str:
    """A recording of a pipeline."""
    return "".join(
        json.dumps(
            {"client": client, "t": n, "path": "/v1/chat/completions", "body": asked(n).body, "usage": {"completion_tokens": 120}}
        )
        + "\n"
        for n in range(count)
    )


def test_a_report() -> None:
    """It has the documented fields in their order, and seconds count from the first request of the recording."""
    each = Watch(shipped_weights(), {})
    for number in range(150):
        each.take(asked(number, start=1.7e9))
    (report,) = each.reports()
    assert list(report) == FIELDS
    assert report["requests"] == report["prompts"] == 150
    assert report["flagged_t"] == report["flagged_at"] - 1
    assert report["flagged_at"] <= 100
    assert report["score"] > 0.5
    assert report["standing"] in {"watched", "limited"}
    assert report["group"] is None
    assert report["signals"][0]["nats"] > 0
    assert report["sentence"].startswith("Looks like extraction")


def test_the_same_findings_as_the_detector_alone() -> None:
    """Nothing between a recording and the detector changes what is found."""
    watched, detector = Watch(shipped_weights(), {}), Detector(shipped_weights())
    for number in range(150):
        found = watched.take(asked(number))
        assert found == [finding for seen in observations(asked(number)) for finding in detector.observe(seen)]


def test_a_purpose_for_all() -> None:
    """`*` declares for whoever declares nothing."""
    each = Watch(shipped_weights(), {"*": "train.self_distill"})
    for number in range(150):
        each.take(asked(number))
    assert each.reports()[0]["flagged_at"] is None


@pytest.mark.parametrize("merged", [True, False])
def test_populations(tmp_path: Path, merged: bool) -> None:
    """Files are apart unless merged; then they are one, in order of time, and equal times keep the order of files."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text("nonsense\n" + lines(60, client=name if merged else "c"))
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    complaints: list[RecordedError] = []
    populations = [files] if merged else [[file] for file in files]

    def read(scale: float) -> object:
        return reader("own", None, scale)

    watched = list(watch(populations, shipped_weights(), {}, read, None, complaints.append))  # type: ignore[arg-type]
    reports = [report for each in watched for report in each.reports()]
    assert [report["client"] for report in reports] == (["a", "b"] if merged else ["c", "c"])
    assert len(watched) == (1 if merged else 2)
    assert len(complaints) == 2
