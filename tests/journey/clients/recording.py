"""Shared by the Python client programs: run scenarios against each base URL and print what the caller of an SDK would see.

A program is started as `PROGRAM BASE_URL [BASE_URL …]` by the interpreter of its SDK's environment. For each base URL and scenario
it prints one JSON line `{"run": index, "scenario": name, "result": …, "answers": [{"status": …, "headers": [[name, value]]}]}`.
`answers` has every attempt, in order, with headers as they came. A failure's result is `{"raised": class, "status": …, …}`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
from collections.abc import Callable
from typing import Any

Scenario = Callable[[], Any]
"""Gives a JSON value, or an awaitable of one."""


class Witness:
    """Hears every answer that an SDK's HTTP client receives, retries included."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []

    def hear(self, response: Any) -> None:
        """The hook of a synchronous client."""
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.headers.raw]
        self.answers.append({"status": response.status_code, "headers": headers})

    async def hear_async(self, response: Any) -> None:
        """The hook of an asynchronous client."""
        self.hear(response)

    def attend(self, client: Any, async_client: Any) -> None:
        """Listen to both HTTP clients of an SDK, which are used as the SDK made them."""
        client.event_hooks = self.hooks
        async_client.event_hooks = self.hooks_async

    @property
    def hooks(self) -> dict[str, list[Any]]:
        """Event hooks for a synchronous client."""
        return {"response": [self.hear]}

    @property
    def hooks_async(self) -> dict[str, list[Any]]:
        """Event hooks for an asynchronous client."""
        return {"response": [self.hear_async]}


def failure(error: BaseException) -> dict[str, Any]:
    """What a caller learns from an exception."""
    learnt = {name: getattr(error, name, None) for name in ("status_code", "code", "type", "request_id", "status")}
    return {
        "raised": type(error).__name__,
        **{name: value for name, value in learnt.items() if value is not None},
        "message": str(error),
    }


def plain(value: Any) -> Any:
    """An SDK's answer object as JSON, as the SDK itself writes it."""
    return json.loads(value.model_dump_json())


async def _run(number: int, name: str, scenario: Scenario, witness: Witness) -> None:
    witness.answers = []
    began = time.monotonic()
    try:
        result = scenario()
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:  # noqa: BLE001 - whatever an SDK raises is the result
        result = failure(error)
    took = round(time.monotonic() - began, 3)
    line = {"run": number, "scenario": name, "result": result, "answers": witness.answers, "seconds": took}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def play(scenarios_of: Callable[[str, Witness], dict[str, Scenario]]) -> None:
    """Run all scenarios against each base URL of the command line, one after the other."""

    async def run_all() -> None:
        # Clients of a run that is over are kept: collected in the next, they close sockets behind the loop's back, whose numbers
        # belong to others by then, and these wait for ever.
        kept = []
        for number, base_url in enumerate(sys.argv[1:]):
            witness = Witness()
            kept.append(scenarios_of(base_url, witness))
            for name, scenario in kept[-1].items():
                await _run(number, name, scenario, witness)

    asyncio.run(run_all())
