"""The scripted upstream keeps things until it is told to forget, and takes as many polls as a script says."""

from __future__ import annotations

import http.client
import json
from typing import Any

from proxy.demo.scripted.store import Upload, boundary_of, read_form
from proxy.demo.upstream import ScriptedUpstream, upstream_thread
from tests.waiting import PATIENCE

FORM = "multipart/form-data; boundary=b0"


def ask(upstream: ScriptedUpstream, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and answer, as JSON where it is such."""
    connection = http.client.HTTPConnection(upstream.host, upstream.port, timeout=PATIENCE)
    try:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, raw, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if answer.headers["content-type"] == "application/json" else content
    finally:
        connection.close()


def test_what_was_made_is_there_until_it_is_forgotten() -> None:
    """By the one who removes it, or by `clear`."""
    with upstream_thread() as upstream:
        made = [ask(upstream, "POST", "/v1/threads", {"metadata": {"a": str(number)}})[1]["id"] for number in range(2)]
        assert [ask(upstream, "GET", f"/v1/threads/{one}")[0] for one in made] == [200, 200]
        assert ask(upstream, "DELETE", f"/v1/threads/{made[0]}")[1]["deleted"] is True
        assert [ask(upstream, "GET", f"/v1/threads/{one}")[0] for one in made] == [404, 200]
        upstream.clear()
        assert ask(upstream, "GET", f"/v1/threads/{made[1]}")[0] == 404


def test_a_batch_takes_as_many_polls_as_its_script_says() -> None:
    """Whether a line of it fails is said by the line."""
    requests = [
        {"custom_id": name, "params": {"model": "m", "messages": [{"role": "user", "content": text}]}}
        for name, text in (("a", "hello"), ("b", "[[script: status=529]]"))
    ]
    anthropic = {"anthropic-version": "2023-06-01"}
    with upstream_thread() as upstream:
        made = ask(upstream, "POST", "/v1/messages/batches", {"requests": requests}, **anthropic, **{"x-script": "polls=2"})[1]
        path = f"/v1/messages/batches/{made['id']}"
        states = [ask(upstream, "GET", path, **anthropic)[1]["processing_status"] for _ in range(3)]
        assert states == ["in_progress", "in_progress", "ended"]
        results = [json.loads(line) for line in ask(upstream, "GET", f"{path}/results", **anthropic)[1].splitlines()]
        assert [one["result"]["type"] for one in results] == ["succeeded", "errored"]


def test_an_upload_goes_on_where_it_stopped() -> None:
    """Pieces at another offset are refused, as Google refuses them."""
    google = {"x-goog-api-key": "k"}
    with upstream_thread() as upstream:
        connection = http.client.HTTPConnection(upstream.host, upstream.port, timeout=PATIENCE)
        connection.request("POST", "/upload/v1beta/files", b"{}", {**google, "x-goog-upload-command": "start"})
        address = connection.getresponse().headers["x-goog-upload-url"]
        connection.close()
        path = address.removeprefix(upstream.url)
        piece = {"x-goog-upload-command": "upload", "x-goog-upload-offset": "0"}
        assert ask(upstream, "POST", path, b"abc", **piece)[0] == 200
        assert ask(upstream, "POST", path, b"def", **piece)[0] == 400
        last = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "3"}
        file = ask(upstream, "POST", path, b"def", **last)[1]["file"]
        assert ask(upstream, "GET", f"/v1beta/{file['name']}:download", **google)[1] == b"abcdef"


def test_a_file_and_what_is_said_of_it_come_in_one_body() -> None:
    """The file is the second part."""
    google = {"x-goog-api-key": "k", "content-type": "multipart/related; boundary=b0"}
    body = b'--b0\r\n\r\n{"file":{"displayName":"n"}}\r\n--b0\r\nContent-Type: text/plain\r\n\r\nabc\r\n--b0--'
    with upstream_thread() as upstream:
        file = ask(upstream, "POST", "/upload/v1beta/files?uploadType=multipart", body, **google)[1]["file"]
        assert (file["displayName"], file["sizeBytes"]) == ("n", "3")
        assert ask(upstream, "GET", f"/v1beta/{file['name']}:download", **google)[1] == b"abc"


def test_forms_are_read_whatever_their_boundary() -> None:
    """Which is its client's choice."""
    head = b'--b0\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    file = (
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nx\r\n--b0--\r\n'
    )
    assert read_form(head + file, FORM) == {"purpose": "batch", "file": Upload("a.txt", "text/plain", b"x")}
    assert (boundary_of(FORM), boundary_of("application/json")) == (b"b0", b"")
