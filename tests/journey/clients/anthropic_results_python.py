"""How the anthropic Python SDK, 0.5x and 2.x, fetches the results of a batch by its own method (protocol: `recording`)."""

from __future__ import annotations

from typing import Any

import anthropic
from recording import Scenario, Witness, plain, play


def results(client: anthropic.Anthropic) -> Any:
    """A batch's results, by the SDK's own method."""
    messages: Any = [{"role": "user", "content": "hello"}]
    params: Any = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": messages}
    made = client.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
    return [plain(one) for one in client.messages.batches.results(made.id)]


def scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """The SDK as it comes, and as docs/clients.md has it stay with its base URL."""
    plainly = anthropic.Anthropic(api_key="sk-ant-journey", base_url=base_url)
    witness.attend(plainly._client, anthropic.AsyncAnthropic(api_key="sk-ant-journey")._client)

    def stay(request: Any) -> None:
        base = client.base_url
        if request.url.netloc != base.netloc:
            request.url = base.copy_with(raw_path=base.raw_path.rstrip(b"/") + request.url.raw_path)
            request.headers["host"] = base.netloc.decode()

    http_client = anthropic.DefaultHttpxClient(event_hooks={"request": [stay]})
    client = anthropic.Anthropic(api_key="sk-ant-journey", base_url=base_url, http_client=http_client)
    return {"past": lambda: results(plainly), "through": lambda: results(client)}


if __name__ == "__main__":
    play(scenarios)
