"""What a file is, by what is said of it and how it begins; through the whole gateway in memory."""

from __future__ import annotations

import pytest

from proxy.gateway.inspecting import begins_call, say_lines
from tests.unit.gateway.stage import Stage, post, status_of
from tests.unit.gateway.test_carrier import come, lines_of


def in_one(content: bytes, kind: bytes, said: bytes = b"{}", begin: bytes = b"") -> bytes:
    """Metadata and a file in one body."""
    parts = b"--b\r\nContent-Type: application/json\r\n\r\n%b\r\n--b\r\nContent-Type: %b\r\n\r\n%b\r\n--b--\r\n"
    return begin + parts % (said, kind, content)


RELATED = (b"x-goog-api-key: k", b"X-Goog-Upload-Protocol: multipart", b"Content-Type: multipart/related; boundary=b")
ENTRY = b'{"key":"%b","request":{"contents":[{"parts":[{"text":"hello"}]}]}}'


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (in_one(ENTRY % b"a" + b"\n" + ENTRY % b"b", b"application/jsonl"), 2),
        (in_one(ENTRY % b"a" + b"\n" + ENTRY % (b"b" * 200_000), b"application/octet-stream"), 2),
        (in_one(ENTRY % b"a", b"application/octet-stream", b'{"file":{"displayName":"%b"}}' % (b"x" * 70_000)), 1),
        (in_one(b'{"a":1}', b"image/png", b'{"file":{"mimeType":"jsonl"}}'), 1),
        (in_one(b'{"a":1}', b"application/json"), 0),
        (in_one(b"\x89PNG", b"image/png"), 0),
    ],
)
def test_a_file_in_one_body_with_what_is_said_of_it_is_read_line_by_line(body: bytes, lines: int) -> None:
    """If the type of either says so, or it begins like one; each line at its place of the body, small or spooled."""
    stage = Stage()
    come(stage, post(b"/gemini/upload/v1beta/files?uploadType=multipart", body, *RELATED))
    found = lines_of(stage)
    assert len(found) == lines
    places = [body[each.offset : each.offset + each.length] for each in found]
    assert all(place.startswith((b'{"key"', b'{"a"')) and place.endswith(b"}") for place in places)
    assert stage.intent.facts.lines == lines
    assert stage.sent.endswith(body)


def test_what_is_no_such_body_says_so_and_is_read_as_any_file_is() -> None:
    """A type that is wrong hides no lines."""
    stage = Stage()
    stage.client(post(b"/gemini/upload/v1beta/files", ENTRY % b"a", *RELATED))
    assert "form_unread" in stage.intent.facts.flags
    told = post(b"/gemini/upload/v1beta/files", in_one(b"x", b"jsonl", b'{"a":1,"a":2}'), *RELATED)
    assert status_of(Stage().client(told).taken) == 400


@pytest.mark.parametrize(
    "body",
    [
        in_one(ENTRY % b"a", b"image/png", b"{}\n--b\nContent-Type: application/jsonl\n\n" + ENTRY % b"b" + b"\n--b--\n"),
        in_one(ENTRY % b"a", b"application/jsonl", b"{}\n--b\nContent-Type: application/jsonl\n\n" + ENTRY % b"b" + b"\n--b--\n"),
        in_one(ENTRY % b"a", b"image/png", b'{"file":{"mimeType":"application/jsonl","displayName":"%b"}}' % (b"x" * 300_000)),
        in_one(ENTRY % b"a", b"image/png", b"eyJmaWxlIjp7Im1pbWVUeXBlIjoiYXBwbGljYXRpb24vanNvbmwifX0="),
        in_one(ENTRY % b"a", b"image/png", b"[]"),
        in_one(ENTRY % b"a", b"image/png", b""),
        in_one(ENTRY % b"a", b"image/png\r\nContent-Type: application/jsonl"),
        in_one(b"eyJr", b"application/jsonl\r\nContent-Transfer-Encoding:\r\n base64"),
    ],
)
def test_metadata_or_parts_that_others_could_read_differently_are_said_to_be_unread(body: bytes) -> None:
    """Delimiters behind a bare line feed, metadata that are long, encoded or no object, fields that are repeated or folded: nothing
    is taken for a picture, nor said to be read.
    """
    stage = Stage()
    come(stage, post(b"/gemini/upload/v1beta/files?uploadType=multipart", body, *RELATED))
    facts = stage.intent.facts
    assert {"form_unread", "media"} <= set(facts.flags)
    assert facts.inspection == "none"
    assert lines_of(stage) == []
    assert stage.sent.endswith(body)


def test_lines_found_in_an_unreadable_body_do_not_make_it_read() -> None:
    """Where the type of the whole says lines, those that are found are recorded, and it stays a file that was not understood."""
    stage = Stage()
    fields = (*RELATED[:2], b"Content-Type: multipart/jsonl; boundary=b")
    come(stage, post(b"/gemini/upload/v1beta/files", in_one(ENTRY % b"a", b"image/png", b"[]"), *fields))
    assert lines_of(stage)
    assert {"form_unread", "media"} <= set(stage.intent.facts.flags)
    assert stage.intent.facts.inspection == "none"


def test_types_say_or_leave_open_whether_there_are_lines() -> None:
    """One of several that says so is enough."""
    assert say_lines(["image/png", "Application/X-NDJSON; charset=utf-8"]) is True
    assert say_lines(["image/png", "text/plain; charset=utf-8"]) is None
    assert say_lines(["image/png"]) is False


def test_a_beginning_of_a_long_line_is_known_by_its_first_member() -> None:
    """A line that has its end is not judged by that, and what begins otherwise is none."""
    assert begins_call(b' {"custom_id" : "a')
    assert not begins_call(b'{"custom_id":"a"}\n{')
    assert not begins_call(b'{"other":"a')
