"""The stage of the demo."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from proxy.cli import stage
from proxy.cli.stage import DemoError, Stage, records


def admin_api(answers: dict[str, Any]) -> HTTPServer:
    """An admin API with these answers by path."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers[self.path.removeprefix("/api/v1")]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("outcome", "results", "complaint"),
    [("completed", ["rec_2"], ""), (None, [], "0 of 1 records"), ("completed", [], "where the results of every batch are")],
)
def test_the_records_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, outcome: str | None, results: list[str], complaint: str
) -> None:
    """An exchange that has not ended, and a batch whose results no record brought, end the demo with a sentence that says so."""
    monkeypatch.setattr(stage, "_SHIP_SECONDS", 0.2)
    item = {"id": "rec_1", "at": 1, "outcome": outcome, "endpoint": "batch_create", "results": results}
    server = admin_api({"/exchanges?limit=200": {"items": [item]}, "/exchanges/rec_1": item})
    on = Stage("", f"http://127.0.0.1:{server.server_address[1]}", "token", Path())
    try:
        if complaint:
            with pytest.raises(DemoError, match=complaint):
                records(on, 1)
        else:
            assert records(on, 1) == [item]
    finally:
        server.shutdown()
        server.server_close()
