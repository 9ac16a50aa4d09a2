"""A player's clients."""

from __future__ import annotations

from typing import Any

from proxy.demo.players.clients import Clients, Kit


def test_clients_are_made_when_they_are_used() -> None:
    """At the base URL of the dialect, with the player's key; what they tell is kept in order."""
    made: list[tuple[str, str]] = []

    def maker(base_url: str, key: str, tell: Any) -> Any:
        made.append((base_url, key))
        tell(200 + len(made))

    clients = Clients(Kit(maker, maker, maker, ("", "", "")), "http://gateway", "sk-x")
    assert made == []
    assert (clients.gemini, clients.openai, clients.openai) == (None, None, None)
    assert made == [("http://gateway/gemini", "sk-x"), ("http://gateway/openai/v1", "sk-x")]
    assert clients.statuses == [201, 202]
