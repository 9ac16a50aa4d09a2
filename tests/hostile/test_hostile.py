"""The short forms of the hostile runs, and the faults that they must find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile import fronts
from tests.hostile.run import batch, cases

SEED = 20_260_101


def test_requests(tmp_path: Path) -> None:
    """Thousands of hostile requests leave no 5xx of ours, no traceback, no desync and no byte upstream without an intent."""
    assert batch(tmp_path, cases(range(2500), SEED)) == []


@pytest.mark.parametrize(
    "expected",
    [
        {
            "two_framings": "requests and refused",
            "dot_segments": "was recorded as",
            "last_key_wins": "a body that has two readings got 200",
            "hop_by_hop": "upstream saw the fields",
        },
        {"bare_line_feeds": "requests and refused", "crash": "a defect", "unrecorded": "has no record"},
        {
            "get_without_body": "upstream saw what it did not answer: b'GET' b'/v1/models?smuggled=",
            "answers_out_of_step": "and left open",
        },
    ],
    ids="+".join,
)
def test_planted_faults(tmp_path: Path, expected: dict[str, str]) -> None:
    """Faults planted into the proxy are found, and called what they are."""
    found = batch(tmp_path, cases(range(500), SEED), ",".join(expected))
    for plant, finding in expected.items():
        assert any(finding in one for one in found), (plant, found[:10])


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_fronts(tmp_path: Path, name: str) -> None:
    """Behind another proxy no answer goes astray, whatever that proxy lets through."""
    if fronts.installed(name) is None:
        pytest.skip(f"{name} is not installed: apt-get install -y {name}")
    assert fronts.siege(tmp_path, name, cases(range(250), SEED)) == []


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_fronts_find_a_desync(tmp_path: Path, name: str) -> None:
    """A gateway that reads bodies as requests is found out behind another proxy, by answers that went astray."""
    if fronts.installed(name) is None:
        pytest.skip(f"{name} is not installed: apt-get install -y {name}")
    found = fronts.siege(tmp_path, name, cases(range(150), SEED, "framing"), "get_without_body")
    assert any("and got the answer to" in one or "nobody asked" in one for one in found), found[:10]
