"""How the anthropic Python SDK, 0.5x and 2.x, fetches the results of a batch by its own method (protocol: `recording`)."""

from __future__ import annotations

from typing import Any

import anthropic
from recording import Scenario, Witness, plain, play


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """The one scenario."""
    client = anthropic.Anthropic(api_key="sk-ant-journey", base_url=base_url)
    witness.attend(client._client, anthropic.AsyncAnthropic(api_key="sk-ant-journey")._client)

    def results() -> Any:
        messages: Any = [{"role": "user", "content": "hello"}]
        params: Any = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": messages}
        made = client.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
        return [plain(one) for one in client.messages.batches.results(made.id)]

    return {"results": results}


if __name__ == "__main__":
    play(scenarios)
