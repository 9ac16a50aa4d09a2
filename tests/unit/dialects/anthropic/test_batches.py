"""What is understood of Anthropic's batches, files and skills."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.dialects import by_name

ANTHROPIC = by_name("anthropic")


def facts(path: str, body: Any = None, method: str = "POST") -> RequestFacts:
    """The facts of a request."""
    found = ANTHROPIC.match(method, path)
    assert found is not None
    return found[0].read_request(body, found[1])


def told(path: str, answer: Any) -> AnswerFacts:
    """The facts of a JSON answer."""
    found = ANTHROPIC.match("GET", path)
    assert found is not None
    reader = found[0].answer("json", False)
    reader.feed(msgspec.json.encode(answer))
    return reader.facts()


def test_ids_in_a_path_are_references() -> None:
    """A batch by its results, a skill by a version of it."""
    assert facts("/v1/messages/batches/b-1/results", method="GET").references == ["batch:b-1"]
    assert facts("/v1/skills/s-1/versions/3", method="GET").references == ["skill:s-1", "skill_version:3"]


def test_what_is_no_array_of_requests_is_not_said_to_be_read() -> None:
    """None of it became a line."""
    assert facts("/v1/messages/batches", {"requests": []}).inspection == "full"
    assert facts("/v1/messages/batches", {"requests": {"custom_id": "a"}}).flags == ["odd_types"]


def test_a_batch_shows_its_counts_and_where_its_results_are() -> None:
    """The address leads past the proxy, so it is told, but not what a query of it may hold."""
    counts = {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 1, "expired": 0}
    batch = {"id": "b-1", "processing_status": "ended", "request_counts": counts, "results_url": "https://a.test/r?token=secret"}
    seen = told("/v1/messages/batches/b-1", batch)
    assert (seen.created, seen.finish, seen.lines, seen.lines_done, seen.lines_failed) == (["batch:b-1"], "ended", 4, 2, 2)
    assert seen.links == ["https://a.test/r"]
    listed = told("/v1/messages/batches", {"data": [batch, {**batch, "results_url": None}]})
    assert (listed.created, listed.links, listed.choices) == ([], ["https://a.test/r"], 2)


def test_files_and_skills_are_media() -> None:
    """Nobody reads what is in them."""
    assert facts("/v1/files", {"file": {"bytes": 3}}).media == 1
    skill = facts("/v1/skills", {"display_title": "x", "files[]": [{"bytes": 3}, {"bytes": 4}]})
    assert (skill.media, skill.inspection, skill.flags) == (2, "partial", ["media"])
    assert facts("/v1/files").inspection == "none"


def test_a_container_and_its_skills_are_references() -> None:
    """By its id, or as an object with skills."""
    body: dict[str, Any] = {"model": "m", "messages": []}
    assert facts("/v1/messages", {**body, "container": "c-1"}).references == ["container:c-1"]
    container = {"id": "c-1", "skills": [{"type": "custom", "skill_id": "s-1"}]}
    assert facts("/v1/messages", {**body, "container": container}).references == ["container:c-1", "skill:s-1"]
