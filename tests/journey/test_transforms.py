"""Bodies that rules change on their way, through a real gateway: what the upstream saw, and what the record opens to."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from proxy.core import snapshot
from proxy.core.rules import Rule
from proxy.demo.upstream import UpstreamProcess
from proxy.ledger import opening, secrets
from proxy.ledger.keyring import Keys
from proxy.ledger.record import Intent
from tests.ledger_oracle import unrecorded, written
from tests.torture.lone_worker import LoneWorker, lone_worker
from tests.waiting import PATIENCE

RULES = (
    Rule("journey/no-logprobs", "allow", match={"upstream": ("openai",)}, drop=("logprobs", "top_logprobs")),
    Rule("journey/distillable", "flag", match={"model": ("openrouter/*",)}, set={"provider.enforce_distillable_text": "true"}),
)
ENTRIES = [snapshot.put("rule", rule.name, rule) for rule in RULES]


def ask(worker: LoneWorker, body: bytes) -> dict[str, Any]:
    """A chat's answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{worker.port}/openai/v1/chat/completions",
        body,
        {"content-type": "application/json", "authorization": "Bearer sk-journey"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def test_what_was_received_and_what_was_sent_both_open(tmp_path: Path, scripted_upstream: UpstreamProcess) -> None:
    """A member that is dropped and one that is set, short and from disk; an untouched body has one commitment."""
    long = "lorem " * 30_000
    asked = [
        b'{"model": "m-1", "seed": 123456789012345678, "logprobs": true, "messages": [{"role": "user", "content": "hello"}]}',
        b'{"model":"m-1","messages":[{"role":"user","content":"%b"}],"top_logprobs":5}' % long.encode(),
        b'{"model":"openrouter/x","messages":[{"role":"user","content":"hello"}],"provider":{"order":["a"]}}',
        b'{"model":"m-1","messages":[{"role":"user","content":"hello"}]}',
    ]
    wanted = [
        b'{"model": "m-1", "seed": 123456789012345678, "messages": [{"role": "user", "content": "hello"}]}',
        b'{"model":"m-1","messages":[{"role":"user","content":"%b"}]}' % long.encode(),
        asked[2].replace(b'"order":["a"]', b'"order":["a"],"enforce_distillable_text":true'),
        asked[3],
    ]
    with lone_worker(tmp_path, scripted_upstream.url, entries=ENTRIES) as worker:
        for body in asked:
            assert ask(worker, body)["choices"]
    assert [seen.body for seen in scripted_upstream.seen()] == wanted
    spool, known = worker.data_dir / "spool", secrets.load(worker.data_dir)
    assert unrecorded(spool, known, wanted) == []
    assert unrecorded(spool, known, asked), "what was received is not what was sent"
    ledger, keys = written(spool), Keys(worker.data_dir, known.master)
    opened = []
    for entry, content in ledger.of(Intent):
        assert isinstance(entry, Intent)
        opened.append(opening.question(entry, content, ledger.pieces.get(entry.id, []), keys.cipher))
    assert [question.received for question in opened] == asked
    assert [question.sent for question in opened] == [*wanted[:3], None]
