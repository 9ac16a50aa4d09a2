"""Tells an OpenTelemetry collector of exchanges that have ended: spans and GenAI histograms, by OTLP over HTTP; never content.

It reads the store with a durable place of its own, which moves once the collector took the spans: none is lost, and after a crash
some come twice, under the same ids. What is older than a day when it is read is passed over.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import Mapping
from dataclasses import replace

import httpx2
import msgspec

from proxy import __version__
from proxy.control.process import Note, pause_unless
from proxy.control.webhooks import SECONDS, NotTakenError
from proxy.core.clock import Clock, SystemClock
from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.core.otlp import OtlpTarget
from proxy.ledger import store_following
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreError
from proxy.ledger.store_following import Ended, OvertakenError, Place
from proxy.telemetry import genai
from proxy.telemetry.otlp import Measures, Spoken, Value, resource, spans

READER = "otlp"
"""The name of its places in the store."""

_OLDEST_US = 86_400_000_000
_PAUSE_SECONDS = 1.0
_AWAY_SECONDS = 10.0
_MOST_SLICES = 20


class _Asked(msgspec.Struct):
    """Of the evidence of an intent or a refusal, what is told."""

    id: str
    at: int
    facts: RequestFacts
    principal: str = ""
    purpose: str = ""
    upstream: str = ""
    host: str = ""
    endpoint: str = ""
    model_requested: str = ""
    verdict: str = ""
    decision: str = ""
    trace: str = ""
    status: int = 0
    error: str = ""


class _Ending(msgspec.Struct):
    """Of the evidence of an outcome, what is told."""

    outcome: str
    facts: AnswerFacts
    model_returned: str = ""
    duration_us: int = 0


_decode_asked = msgspec.json.Decoder(_Asked).decode
_decode_ending = msgspec.json.Decoder(_Ending).decode


class Telemetry:
    """One per control process; `run` is its duty. `sent`: exchanges the collector took; `failed`: batches it did not take."""

    def __init__(
        self, store: Store, target: OtlpTarget, environ: Mapping[str, str], note: Note, clock: Clock | None = None
    ) -> None:
        self.sent = 0
        self.failed = 0
        self._store = store
        self._target = target
        self._headers = headers(environ.get(target.headers_env, ""))
        self._note = note
        self._clock = clock or SystemClock()
        self._resource = resource(__version__)
        self._measures = Measures(self._clock.utc_us() * 1000)
        self._told_metrics = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop` is set; what is left then is told by whoever comes next."""
        away = ""
        async with httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
            while not stop.is_set():
                try:
                    await self.pass_once(client)
                    away = ""
                except (StoreError, NotTakenError) as error:
                    if str(error) != away:
                        self._note("telemetry not taken", reason=str(error))
                    away = str(error)
                await pause_unless(stop, _AWAY_SECONDS if away else _PAUSE_SECONDS)

    async def pass_once(self, client: httpx2.AsyncClient) -> None:
        """Tell what is new. Raises: StoreUnavailableError, NotTakenError; what was taken stays taken."""
        for place in await store_following.places(self._store, READER):
            after = place.after
            for _ in range(_MOST_SLICES):
                records, reached = await store_following.ended(self._store, replace(place, after=after), after, whole=True)
                if not await self._tell(client, replace(place, after=after), records, reached):
                    break
                after = reached
                if reached >= place.upto:
                    break
        if self._target.metrics and self.sent != self._told_metrics:
            await self._post(client, "/v1/metrics", self._measures.told(self._clock.utc_us() * 1000, self._resource))
            self._told_metrics = self.sent

    async def _tell(self, client: httpx2.AsyncClient, place: Place, records: list[Ended], reached: int) -> bool:
        """Whether the place has moved; it has not where another process told the same."""
        now = self._clock.utc_us()
        told = [one for record in records if (one := spoken(record)) is not None and one.end > (now - _OLDEST_US) * 1000]
        if told and self._target.traces:
            await self._post(client, "/v1/traces", spans(told, self._resource))
        try:
            async with self._store.write() as connection:
                await store_following.advance(connection, READER, place, reached, now)
        except OvertakenError:
            return False
        for one in told:
            self._measures.add(one)
        self.sent += len(told)
        return True

    async def _post(self, client: httpx2.AsyncClient, path: str, body: bytes) -> None:
        sent = {"content-type": "application/x-protobuf", **self._headers}
        try:
            answer = await client.post(self._target.endpoint + path, content=body, headers=sent)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            self.failed += 1
            raise NotTakenError(f"the collector cannot be reached ({type(error).__name__})") from None
        if not 200 <= answer.status_code < 300:
            self.failed += 1
            raise NotTakenError(f"the collector answered {answer.status_code}")


def headers(written: str) -> dict[str, str]:
    """`name=value,name=value`, values percent-encoded, as OpenTelemetry has them; what is no pair is left out."""
    pairs = (each.partition("=") for each in written.split(","))
    return {name.strip().lower(): urllib.parse.unquote(value.strip()) for name, parted, value in pairs if parted and name.strip()}


def spoken(record: Ended) -> Spoken | None:
    """An exchange as it is told; None for lines and turns, whose carrier is told, and where evidence is of a later version."""
    if record.kind not in ("outcome", "refusal"):
        return None
    try:
        asked = _decode_asked(record.evidence)
        ending = _decode_ending(record.ending) if record.ending else _Ending("refused", AnswerFacts())
    except msgspec.MsgspecError:
        return None
    status = record.status or asked.status
    failed = "" if ending.outcome == "completed" else ending.outcome
    if status >= 400:
        failed = asked.error or str(status)
    begin = asked.at * 1000
    told = {**_of_request(asked), **_of_answer(ending), genai.STATUS: status or None, genai.OUTCOME: ending.outcome}
    attributes = {name: each for name, each in {**told, genai.ERROR: failed}.items() if each not in (None, "")}
    usage = ending.facts.usage
    tokens = {"input": usage.input, "output": usage.output} if usage is not None and not usage.estimated else {}
    end = begin + ending.duration_us * 1000
    return Spoken(asked.id, asked.trace, begin, end, failed, attributes, tokens)


def _of_request(asked: _Asked) -> dict[str, Value | None]:
    facts = asked.facts
    return {
        genai.OPERATION: genai.operation(asked.endpoint),
        genai.PROVIDER: genai.provider(asked.host, asked.upstream),
        genai.REQUEST_MODEL: asked.model_requested,
        genai.REQUEST_STREAM: facts.stream or None,
        genai.REQUEST_TEMPERATURE: facts.temperature,
        genai.REQUEST_TOP_P: facts.top_p,
        genai.REQUEST_MAX_TOKENS: facts.max_tokens,
        genai.REQUEST_SEED: facts.seed,
        genai.REQUEST_CHOICES: facts.n,
        genai.SERVER_ADDRESS: asked.host.partition(":")[0],
        genai.RECORD: asked.id,
        genai.PRINCIPAL: asked.principal,
        genai.PURPOSE: asked.purpose,
        genai.DECISION: asked.decision,
        genai.VERDICT: asked.verdict,
        genai.UPSTREAM: asked.upstream,
    }


def _of_answer(ending: _Ending) -> dict[str, Value | None]:
    facts, usage = ending.facts, ending.facts.usage
    return {
        genai.RESPONSE_MODEL: ending.model_returned,
        genai.RESPONSE_ID: facts.upstream_id or "",
        genai.FINISH_REASONS: [facts.finish] if facts.finish else None,
        genai.INPUT_TOKENS: usage.input if usage else None,
        genai.OUTPUT_TOKENS: usage.output if usage else None,
        genai.CACHED_TOKENS: (usage.cached or None) if usage else None,
        genai.REASONING_TOKENS: (usage.reasoning or None) if usage else None,
    }
