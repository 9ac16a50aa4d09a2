"""A gateway's own knowledge of what calls refer to, and where the corridor asks for it."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from proxy.core.decision import Decision, Verdict
from proxy.core.exchange import Exchange
from proxy.core.principal import Principal
from proxy.core.references import FOREIGN, UNKNOWN, Origin, Refer, reference_key, subkey
from proxy.core.snapshot import CredentialEntry
from proxy.gateway import references
from proxy.gateway.corridor import Corridor
from proxy.gateway.references import Recent, References
from tests.unit.gateway.stage import IDENTITY_KEY, VIRTUAL_KEY, Stage, fingerprint, get, post, whole

KEY = subkey(IDENTITY_KEY)
ALICE, BOB = b"tp_" + b"a" * 40, VIRTUAL_KEY


class Published(dict[bytes, Origin]):
    """An index that others published."""

    find = dict.get


def staged(published: Published | None = None) -> Stage:
    """A gateway with two principals, and an index."""
    principals = (
        Principal("alice", purposes=("eval.private",), purpose="eval.private"),
        Principal("bob", purposes=("use.product",), purpose="use.product"),
    )
    credentials = {
        fingerprint(ALICE): CredentialEntry("alice", virtual=True),
        fingerprint(BOB): CredentialEntry("bob", virtual=True),
    }
    known = References(KEY, published if published is not None else Published())
    corridor: Any = partial(Corridor, references=known)
    return Stage(principals=principals, credentials=credentials, corridor=corridor)


def response(stage: Stage, key: bytes, answer: str, after: str | None = None) -> None:
    """One call of the responses API by the owner of a key, answered with this id."""
    body = {"model": "m-1", "input": "hello"} | ({"previous_response_id": after} if after else {})
    sent = post(
        b"/openai/v1/responses", msgspec.json.encode(body), b"Authorization: Bearer " + key, b"Content-Type: application/json"
    )
    stage.client(sent)
    told = msgspec.json.encode({"id": answer, "object": "response", "model": "m-1", "status": "completed", "output": []})
    stage.upstream.feed(whole(told, b"Content-Type: application/json"))


def test_a_response_of_this_gateway_is_known_at_once() -> None:
    """Who made the earlier response, for what and with which verdict stands in the intent of the call that goes on from it."""
    stage = staged()
    stage.steps.verdict = Verdict("review")
    response(stage, ALICE, "resp_1")
    response(stage, ALICE, "resp_2", after="resp_1")
    first, second = stage.entries("intent")
    assert first.refers == ()
    assert second.refers == (Refer("response:resp_1", first.id, "alice", "eval.private", "review"),)
    assert UNKNOWN not in second.facts.flags
    assert FOREIGN not in second.facts.flags
    stage.check_figures()


def test_what_another_principal_made_is_foreign() -> None:
    """A reference to somebody else's response is a fact, which the judges see before they judge."""
    stage = staged()
    response(stage, ALICE, "resp_1")
    seen: list[Exchange] = []
    stage.steps.terms = lambda exchange: (seen.append(exchange), stage.steps.verdict)[1]  # type: ignore[method-assign]
    response(stage, BOB, "resp_2", after="resp_1")
    intent = stage.entries("intent")[1]
    assert intent.refers[0].foreign
    assert intent.facts.flags[-1] == FOREIGN
    assert seen[0].refers == intent.refers


def test_a_miss_is_a_fact() -> None:
    """What nobody here saw made is flagged, and no request with such a reference counts as understood in full."""
    stage = staged()
    response(stage, ALICE, "resp_2", after="resp_0")
    assert stage.intent.refers == (Refer("response:resp_0", miss=True),)
    assert UNKNOWN in stage.intent.facts.flags
    assert stage.intent.facts.inspection == "partial"
    assert b'"refers":[{"ref":"response:resp_0","miss":true}]' in msgspec.json.encode(stage.intent)


def test_what_others_published_is_known() -> None:
    """The index answers for what this gateway did not see; the same id at another upstream is another object."""
    origin = Origin("rec_" + "1" * 32, 5, "response", "alice", "", "eval.private", "forbid", "responses", "m")
    for upstream, known in (("openai", True), ("azure", False)):
        stage = staged(Published({reference_key(KEY, upstream, "response:resp_9"): origin}))
        response(stage, ALICE, "resp_2", after="resp_9")
        assert stage.intent.refers[0].miss is not known
        assert stage.intent.refers[0].verdict == ("forbid" if known else "")


def test_a_verdict_is_inherited() -> None:
    """What was made from something forbidden is no less forbidden, whatever the call itself was."""
    origin = Origin("rec_" + "1" * 32, 5, "response", "alice", "", "eval.private", "forbid", "responses", "m")
    stage = staged(Published({reference_key(KEY, "openai", "response:resp_1"): origin}))
    response(stage, ALICE, "resp_2", after="resp_1")
    response(stage, ALICE, "resp_3", after="resp_2")
    assert stage.entries("intent")[1].refers[0].verdict == "forbid"


def test_who_only_looks_makes_nothing() -> None:
    """Reading a response that nobody's record made does not make its reader the maker; an error makes nothing."""
    stage = staged()
    stage.client(get(b"/openai/v1/responses/resp_7", b"Authorization: Bearer " + ALICE))
    stage.upstream.feed(whole(b'{"id":"resp_7","object":"response","model":"m"}', b"Content-Type: application/json"))
    stage.client(post(b"/openai/v1/responses", b'{"model":"m","input":"x"}', b"Authorization: Bearer " + ALICE))
    stage.upstream.feed(whole(b'{"id":"resp_8"}', b"Content-Type: application/json", status=b"400 Bad Request"))
    for known in ("resp_7", "resp_8"):
        response(stage, ALICE, "resp_x", after=known)
    assert [intent.refers[0].miss for intent in stage.entries("intent")[-2:]] == [True, True]


def test_a_refusal_says_what_it_referred_to() -> None:
    """A call that is denied is recorded with what it referred to."""
    stage = staged()
    stage.steps.decision = Decision("deny", ("rule",), message="no")
    body = b'{"model":"m","input":"x","previous_response_id":"resp_0"}'
    stage.client(post(b"/openai/v1/responses", body, b"Authorization: Bearer " + ALICE))
    assert stage.refusal.refers == (Refer("response:resp_0", miss=True),)


def test_an_index_that_forgets_is_found_out() -> None:
    """The examination above is red when a gateway does not remember what it made."""
    stage = staged()
    stage.corridor._references.remember = lambda *_: None  # type: ignore[union-attr, method-assign]
    response(stage, ALICE, "resp_1")
    response(stage, ALICE, "resp_2", after="resp_1")
    assert stage.entries("intent")[1].refers[0].miss


def test_a_trained_model_refers_to_who_had_it_trained() -> None:
    """A job names its model when it is done, to whoever looks; calls of that model come from who created the job."""
    stage = staged()

    def call(request: bytes, answer: bytes) -> None:
        stage.client(request)
        stage.upstream.feed(whole(answer, b"Content-Type: application/json"))

    sent = (b"Authorization: Bearer " + ALICE, b"Content-Type: application/json")
    call(post(b"/openai/v1/fine_tuning/jobs", b'{"model":"m","training_file":"file-1"}', *sent), b'{"id":"ftjob-1"}')
    done = b'{"id":"ftjob-1","fine_tuned_model":"ft:m:org::1"}'
    call(get(b"/openai/v1/fine_tuning/jobs/ftjob-1", b"Authorization: Bearer " + BOB), done)
    call(post(b"/openai/v1/chat/completions", b'{"model":"ft:m:org::1","messages":[]}', *sent), b"{}")
    job, _, asked = stage.entries("intent")
    assert asked.refers == (Refer("model:ft:m:org::1", job.id, "alice", "eval.private", "allow"),)
    assert asked.facts.inspection == "full"


def test_lines_refer_too() -> None:
    """A line of a batch file that goes on from an earlier response says whose that was, like a direct call."""
    stage = staged()
    response(stage, ALICE, "resp_1")
    body = {"model": "m", "input": "x", "previous_response_id": "resp_1"}
    lines = [
        msgspec.json.encode({"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": body}),
        msgspec.json.encode({"custom_id": "b", "method": "POST", "url": "/v1/responses", "body": {"model": "m", "input": "y"}}),
    ]
    form = [b"--x", b'Content-Disposition: form-data; name="purpose"', b"", b"batch"]
    form += [b"--x", b'Content-Disposition: form-data; name="file"; filename="f.jsonl"', b"", b"\n".join(lines), b"--x--", b""]
    sent = (b"Authorization: Bearer " + BOB, b"Content-Type: multipart/form-data; boundary=x")
    stage.client(post(b"/openai/v1/files", b"\r\n".join(form), *sent))
    first, second = stage.entries("line")
    assert first.refers == (
        Refer("response:resp_1", stage.entries("intent")[0].id, "alice", "eval.private", "allow", foreign=True),
    )
    assert FOREIGN in first.facts.flags
    assert second.refers == ()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest generation is always known, no more than two are kept, and the first maker of an object stays."""
    monkeypatch.setattr(references, "GENERATION", 4)
    recent = Recent()
    for number in range(10):
        recent.remember(bytes([number]), Origin(f"rec_{number}", 0, "file", "a", "", "", "", "", ""))
    assert [number for number in range(10) if recent.find(bytes([number])) is not None] == [4, 5, 6, 7, 8, 9]
    recent.remember(bytes([9]), Origin("rec_later", 0, "file", "b", "", "", "", "", ""))
    found = recent.find(bytes([9]))
    assert found is not None
    assert found.record == "rec_9"
