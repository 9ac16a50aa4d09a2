"""The demo's players."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.core.principal import PURPOSES
from proxy.demo.players.cast import players
from proxy.demo.players.clients import Clients, Kit


class Noted:
    """A client of every dialect that notes what it is asked to do."""

    def __init__(self, _base_url: str, key: str, _tell: object) -> None:
        self.key = key
        self.asked: list[str] = []

    def chat(self, words: str, **_: Any) -> None:
        """Noted."""
        self.asked.append(words)

    message = generate = chat

    def respond(self, words: str, *, after: str | None = None) -> str:
        """Noted."""
        self.asked.append(f"{words} after {after}")
        return "resp_1"

    def batch(self, questions: Sequence[str]) -> None:
        """Noted."""
        self.asked += questions

    talk = batch


def test_everyone_acts_for_a_purpose_there_is() -> None:
    """Each under a name of its own; between them all dialects, batches, a session and a response after another one."""
    cast = players()
    assert len({player.name for player in cast}) == len(cast)
    asked = []
    for player in cast:
        assert player.purpose in PURPOSES
        clients = Clients(Kit(Noted, Noted, Noted, ("", "", "")), "http://gateway", "sk-x")
        player.act(clients)
        made = [value for value in vars(clients).values() if isinstance(value, Noted)]
        assert made
        assert {client.key for client in made} == {"sk-x"}
        asked += [words for client in made for words in client.asked]
    assert any(words.endswith("after resp_1") for words in asked)
