"""A room for tests of the analyst: a store with a writer of exchanges, a clock, and a gateway that is told how principals stand."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.control.analyst import Analyst
from proxy.control.observing import Asked
from proxy.control.watching import shipped_weights
from proxy.core.facts import AnswerFacts, Usage
from proxy.core.principal import Standing
from proxy.dialects import by_name, find
from proxy.ledger import store_standings
from proxy.ledger.store import Store
from proxy.ledger.store_keys import stored_name
from proxy.ledger.store_ship import ship, ship_keys
from proxy.review import findings, standing
from proxy.review.standing import LIMITS, Stands
from tests.ledgers import NOON, Writer
from tests.unit.detection.traffic import filling

MASTER = AESGCM(b"m" * 32)
MAKING = "Come up with ten diverse instructions to make training data. Avoid repetition of forms. The seed is this. {}."
HARVEST: dict[str, Any] = {"logprobs": True, "top_logprobs": 5, "max_tokens": 1}


class Room:
    """An analyst over a store, with a clock that the test sets and a gateway that is told how principals stand."""

    def __init__(self, store: Store, enforce: str = LIMITS) -> None:
        self.store = store
        self.writer = Writer()
        self.now = NOON
        self.mode = enforce
        self.marks: list[str] = []
        self.published = 0
        self.sent: list[Asked] = []
        self.shipped = 0
        self.analyst = self.another()

    def another(self) -> Analyst:
        """The analyst of the next process."""
        return Analyst(self.store, MASTER, shipped_weights(), self, self.record, self.publish, self.note, self)

    def enforce(self) -> str:
        """As configured."""
        return self.mode

    async def record(self, event: str, detail: dict[str, str | int]) -> None:
        """An entry of the ledger."""
        self.marks.append(f"{event} {detail['from']} {detail['to']}")

    async def record_decision(self, event: str, detail: dict[str, str | int]) -> None:
        """An entry of the ledger, of a person."""
        self.marks.append(f"{event} {detail['decision']}")

    async def publish(self) -> None:
        """Gateways are told."""
        self.published += 1

    def note(self, event: str, /, **fields: Any) -> None:
        """Nothing is to be complained of."""
        raise AssertionError(event, fields)

    def utc_us(self) -> int:
        """The test's time."""
        return self.now

    def monotonic_ns(self) -> int:
        """Not asked for."""
        return 0

    def ask(
        self, body: dict[str, Any], principal: str = "chat", *, purpose: str = "undeclared", status: int = 200, **more: Any
    ) -> str:
        """One exchange, as the gateway records it; and as somebody else would have."""
        _, row, path = find(by_name("openai"), "POST", "/v1/chat/completions")
        facts = row.read_request(body, path)
        answer = f"Here it is: {filling(len(self.sent))}."
        said = msgspec.json.encode({"choices": [{"message": {"content": answer}}]})
        fields = {"principal": principal, "purpose": purpose, "facts": facts, "target": "/openai/v1/chat/completions", **more}
        intent = self.writer.intent(self.writer.new_id(), msgspec.json.encode(body), **fields)
        usage = Usage(input=60, output=120)
        self.writer.outcome(intent, said, status=status, facts=AnswerFacts(usage=usage, text_chars=len(answer), choices=1))
        asked = Asked(principal, intent.at / 1e6, "POST", "/v1/chat/completions", body, status, answer, 60, 120, purpose=purpose)
        self.sent.append(asked)
        self.now = self.writer.at
        return intent.id

    async def ship(self) -> None:
        """What was written is in the store."""
        rows = []
        for key, secret in self.writer.ring.keys.items():
            nonce, name = os.urandom(12), stored_name(self.writer.instance, key)
            rows.append((name, self.writer.instance, "p", "2026-09", nonce + MASTER.encrypt(nonce, secret, name.encode())))
        await ship_keys(self.store, rows)
        await ship(self.store, self.writer.batch(taken=self.shipped))
        self.shipped = len(self.writer.frames)

    async def told(self, kind: str = "extraction") -> list[dict[str, Any]]:
        """Findings of a kind, by principal."""
        found, _ = await findings.page(self.store, findings.Wanted({"kind": kind}), limit=500)
        return sorted(found, key=lambda one: str(one["principal"]))

    async def stands(self, now: int | None = None) -> dict[str, Standing]:
        """What gateways are told."""
        rows = [Stands(**row) for row in await store_standings.listed(self.store)]
        return {row.principal: said for row in rows if (said := standing.told(row, self.mode, now or self.now)) is not None}


def making(numbers: Iterable[int]) -> Iterable[dict[str, Any]]:
    """Bodies of a pipeline that makes training data."""
    for number in numbers:
        yield {
            "model": "gpt-5",
            "temperature": 0.9,
            "messages": [{"role": "user", "content": MAKING.replace("{}", filling(number))}],
        }
