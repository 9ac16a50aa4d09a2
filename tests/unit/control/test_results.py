"""From a download of results to the batch, the carrier and the lines that it answers."""

from __future__ import annotations

import gzip
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert

from proxy.control import results
from proxy.control.references import RESULTS
from proxy.control.results import ResultTies, made, named, named_within
from proxy.core.facts import AnswerFacts
from proxy.core.references import Refer, reference_key, subkey
from proxy.ledger import store_references, store_results
from proxy.ledger.record import Intent
from proxy.ledger.store import Store
from proxy.ledger.store_keys import stored_name
from proxy.ledger.store_results import ResultOf
from proxy.ledger.store_ship import ship, ship_keys
from proxy.ledger.tables import lines
from tests.ledgers import Writer

IDENTITY = b"i" * 32
MASTER = AESGCM(bytes(32))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    await opened.close()


def keyed(name: str) -> str:
    """As the gateway keys it."""
    return hmac.digest(IDENTITY, name.encode(), "sha256").hex()[:32]


class Batches:
    """A carrier with lines `q0` to `q4`, a batch that reads it, and what is downloaded of it."""

    def __init__(self, store: Store, *refers: Refer) -> None:
        self.store = store
        self.writer = Writer()
        self.carrier = self.writer.intent(self.writer.new_id(), endpoint="file_upload", refers=refers)
        self.writer.outcome(self.carrier, facts=AnswerFacts(created=["file:in"]))
        self.batch = self.writer.intent(self.writer.new_id(), refers=(Refer("file:in", self.carrier.id),), endpoint="batch_create")
        self.writer.outcome(self.batch, facts=AnswerFacts(created=["batch:b"]))
        seen = self.writer.intent(self.writer.new_id(), refers=(Refer("batch:b", self.batch.id),), method="GET", endpoint="batch")
        self.writer.outcome(seen, facts=AnswerFacts(created=["batch:b", "file:out"]))

    def download(self, *pieces: bytes, ref: str = "file:out", endpoint: str = "file_content", dialect: str = "openai") -> Intent:
        """A download; all but the last piece went to the spool ahead of the outcome."""
        refers = (Refer(ref, self.batch.id),)
        intent = self.writer.intent(self.writer.new_id(), method="GET", endpoint=endpoint, refers=refers, dialect=dialect)
        offset = 0
        for piece in pieces[:-1]:
            self.writer.tick((intent.id, offset, piece))
            offset += len(piece)
        self.writer.outcome(intent, b"".join(pieces), pieces=offset)
        return intent

    async def tie(self, *carriers: str) -> None:
        """Ship everything, and tie what there is to tie."""
        await ship(self.store, self.writer.batch())
        for key, secret in self.writer.ring.keys.items():
            name = stored_name(self.writer.instance, key)
            sealed = bytes(12) + MASTER.encrypt(bytes(12), secret, name.encode())
            await ship_keys(self.store, [(name, self.writer.instance, "p", "2026-09", sealed)])
        for carrier in carriers or (self.carrier.id,):
            await self._lines(carrier)
        settled = await store_references.settle(self.store, subkey(IDENTITY), RESULTS)
        ties = ResultTies(self.store, MASTER, IDENTITY)
        for download in settled.downloads:
            await ties.tie(download)

    async def _lines(self, carrier: str) -> None:
        place = {"at": 1, "instance": "i", "epoch": 1, "seq": 1, "offset": 0, "length": 1}
        judged = {"verdict": "review", "model_requested": "m-1"}
        rows = [
            {"carrier": carrier, "number": number, "id": f"rec_line{number}", "custom_id": keyed(f"q{number}"), **place, **judged}
            for number in range(5)
        ]
        async with self.store.write() as connection:
            await connection.execute(insert(lines), rows)


def result(name: str) -> bytes:
    """A line of OpenAI's or Anthropic's results."""
    return json.dumps({"id": "batch_req_1", "custom_id": name, "response": {"status_code": 200, "body": {}}}).encode() + b"\n"


async def test_a_result_file_is_tied_to_its_lines(store: Store) -> None:
    """The download names batch and carrier, and each line whose result is in it names the download, however the file was cut."""
    room = Batches(store)
    whole = b"".join(result(f"q{number}") for number in range(4)) + b"\n" + result("unheard-of").rstrip()
    got = room.download(whole[:70], whole[70:200], whole[200:])
    await room.tie()
    assert await store_results.result_of(store, got.id) == ResultOf(room.batch.id, room.carrier.id, 4)
    tied = await store_results.results_of(store, [f"rec_line{number}" for number in range(5)])
    assert tied == {f"rec_line{number}": got.id for number in range(4)}


async def test_lines_of_a_file_that_came_in_parts_are_those_of_its_parts(store: Store) -> None:
    """And those that its end joined."""
    room = Batches(store, Refer("upload:u"), Refer("part:p", "rec_part"), Refer("part:lost", miss=True))
    got = room.download(b"".join(result(f"q{number}") for number in range(5)))
    await room.tie("rec_part")
    assert await store_results.result_of(store, got.id) == ResultOf(room.batch.id, room.carrier.id, 5)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
async def test_an_encoded_answer_is_read(store: Store, compress: object) -> None:
    """Answers lie in the ledger as they came; those that show their coding are read all the same."""
    room = Batches(store)
    coded = compress(result("q0") + result("q1"))  # type: ignore[operator]
    got = room.download(coded[:30], coded[30:])
    await room.tie()
    assert await store_results.result_of(store, got.id) == ResultOf(room.batch.id, room.carrier.id, 2)


async def test_results_of_a_batch_that_held_its_queries(store: Store) -> None:
    """Anthropic's batches carry their queries themselves: the batch is the carrier."""
    room = Batches(store)
    inline = room.writer.intent(room.writer.new_id(), endpoint="batch_create")
    room.writer.outcome(inline, facts=AnswerFacts(created=["batch:inline"]))
    room.batch = inline
    got = room.download(result("q1") + result("q2"), ref="batch:inline", endpoint="batch_results", dialect="anthropic")
    await room.tie(inline.id)
    assert await store_results.result_of(store, got.id) == ResultOf(inline.id, inline.id, 2)


async def test_a_batch_that_holds_its_results(store: Store) -> None:
    """Gemini's batch shows its results once they are there; before that, looking at it answers nothing."""
    room = Batches(store)
    early = room.download(b'{"name":"batches/b","metadata":{"state":"RUNNING"}}', ref="batch:b", endpoint="batch", dialect="gemini")
    entries = [{"response": {}, "metadata": {"key": f"q{number}"}} for number in range(3)]
    document = json.dumps({"response": {"inlinedResponses": {"inlinedResponses": entries}}}).encode()
    got = room.download(document, ref="batch:b", endpoint="batch", dialect="gemini")
    state = room.download(document, ref="batch:b", endpoint="batch", dialect="openai")
    await room.tie()
    assert await store_results.result_of(store, early.id) is None
    assert await store_results.result_of(store, got.id) == ResultOf(room.batch.id, room.carrier.id, 3)
    assert await store_results.result_of(store, state.id) is None


async def test_gemini_results_without_names_are_tied_in_their_order(store: Store) -> None:
    """The API promises it; not if there are more or fewer than were asked, and never against a name."""
    room = Batches(store)
    told = [{"response": {}} for _ in range(5)]
    inline = json.dumps({"response": {"inlinedResponses": {"inlinedResponses": told}}}).encode()
    few = json.dumps({"response": {"inlinedResponses": {"inlinedResponses": told[:4]}}}).encode()
    got = room.download(inline, ref="batch:b", endpoint="batch", dialect="gemini")
    short = room.download(few, ref="batch:b", endpoint="batch", dialect="gemini")
    mixed = room.download(b'{"response":{}}\n' * 4 + b'{"key":"q1"}\n', dialect="gemini")
    other = room.download(b'{"response":{}}\n' * 5)
    await room.tie()
    assert await store_results.result_of(store, got.id) == ResultOf(room.batch.id, room.carrier.id, 5)
    assert await store_results.result_of(store, short.id) is None
    assert (await store_results.results_of(store, ["rec_line4"])) == {"rec_line4": got.id}
    for download in (mixed, other):
        found = await store_results.result_of(store, download.id)
        assert found is not None
        assert found.lines == 0


async def test_what_cannot_be_read_is_tied_to_its_batch(store: Store) -> None:
    """Without the key, or with bytes that are no results, the download still says which batch it answers."""
    room = Batches(store)
    garbage = room.download(b"\x1f\x8b nothing of the kind")
    lost = room.download(result("q0"))
    room.writer.ring.add("k2")
    await room.tie()
    for got in (garbage, lost):
        found = await store_results.result_of(store, got.id)
        assert found is not None
        assert found.batch == room.batch.id
    assert await store_results.results_of(store, ["rec_line0"]) == {"rec_line0": lost.id}


async def test_responses_that_a_batch_stored_come_from_the_batch(store: Store) -> None:
    """What goes on from a result of a batch finds the batch's maker, with the verdict of the line."""
    room = Batches(store)
    answers = [{"custom_id": f"q{number}", "response": {"body": {"id": f"resp_{number}"}}} for number in range(2)]
    room.download(b"".join(json.dumps(answer).encode() + b"\n" for answer in answers), result("q2"))
    await room.tie()
    index = {key: origin async for page in store_references.newest(store, 100) for key, origin in page}
    found = index[reference_key(subkey(IDENTITY), "openai", "response:resp_1")]
    assert (found.record, found.kind, found.verdict, found.model) == (room.batch.id, "response", "review", "m-1")
    assert reference_key(subkey(IDENTITY), "openai", "response:resp_0") in index
    assert made(b'{"response":7}') == made(b'{"response":{"body":{"id":"chatcmpl-1"}}}') == made(b"") == ""


async def test_any_other_file_answers_no_batch(store: Store) -> None:
    """Fetching a file that came from no batch is no download of results."""
    room = Batches(store)
    got = room.download(result("q0"), ref="file:in")
    await room.tie()
    assert await store_results.result_of(store, got.id) is None


async def test_lines_are_tied_in_slices(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of more results than one transaction takes is tied whole, and a line that never ends is left out."""
    monkeypatch.setattr(store_results, "SLICE", 2)
    monkeypatch.setattr(results, "LONGEST_LINE", 200)
    room = Batches(store)
    long = b'{"custom_id":"q3","response":"' + b"x" * 300 + b'"}\n'
    text = result("q0") + result("q1") + long + result("q2") + result("q4")
    got = room.download(*[text[at : at + 50] for at in range(0, len(text), 50)])
    await room.tie()
    found = await store_results.result_of(store, got.id)
    assert found is not None
    assert found.lines == 4


def test_names_are_found_in_every_form() -> None:
    """Each provider's result line gives the client's name for the query; what is none gives nothing."""
    assert named(b'{"custom_id":"a","result":{"type":"succeeded"}}') == "a"
    assert named(b'{"key":"b","response":{}}') == "b"
    assert named(b'{"custom_id":7}') == named(b"[1]") == named(b"\xff") == named(b"") == ""
    inner = {"inlinedResponses": {"inlinedResponses": [{"metadata": {"key": "c"}}, {"metadata": {}}, {}]}}
    vectors = {"inlinedEmbedContentResponses": inner["inlinedResponses"]}
    both = {"response": inner, "metadata": {"output": inner}}
    for document in ({"response": inner}, {"metadata": {"output": inner}}, both, {"response": vectors}):
        assert named_within(json.dumps(document).encode()) == ["c", "", ""]
    assert named_within(b"[]") == named_within(b'{"response":[]}') == named_within(b"{") == []


async def test_a_tie_that_is_not_made_is_found_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same examination is red when names are keyed in another way than the gateway keys them."""
    monkeypatch.setattr(ResultTies, "_keyed", lambda _, name: name)
    room = Batches(store)
    got = room.download(result("q0"))
    await room.tie()
    found = await store_results.result_of(store, got.id)
    assert found is not None
    assert found.lines == 0
