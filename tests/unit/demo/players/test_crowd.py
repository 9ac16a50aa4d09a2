"""The crowd of the demo: what each sends is what it is there for."""

from __future__ import annotations

from typing import Any, cast

from proxy.demo.players.clients import Clients
from proxy.demo.players.crowd import ACCOUNTS, EACH, ROUNDS, crowd


class Heard:
    """A client that keeps what it was asked."""

    def __init__(self) -> None:
        self.openai = self
        self.words: list[str] = []

    def chat(self, words: str, **_: Any) -> None:
        """Keep."""
        self.words.append(words)


def test_accounts_split_one_list() -> None:
    """Linked accounts send few each, share a wrapper, and never send the same; a benchmark sends the same again and again."""
    players = {player.name: player for player in crowd()}
    heard = {name: Heard() for name in players}
    for name, player in players.items():
        for _ in range(ROUNDS if name.startswith("linked-") else 1):
            player.act(cast("Clients", heard[name]))
    linked = [words for name, said in heard.items() if name.startswith("linked-") for words in said.words]
    assert len(linked) == len(set(linked)) == ACCOUNTS * EACH
    assert len({words[:60] for words in linked}) == 1
    repeated = heard["benchmark"].words
    assert len(repeated) == 3 * len(set(repeated))
    assert len(set(heard["pair-factory"].words)) == len(heard["pair-factory"].words)
