"""The second act of `tos-proxy demo`: a crowd of clients, what the analyst finds among them, and what the gateway makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import TOO_MANY_REQUESTS
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.cli.stage import Stage
    from proxy.demo.players.cast import Player

_AT_ONCE = 3
_FOUND_SECONDS = 60.0
_WANTED = {"pair-factory": "extraction", "essay-sweep": "question"}
_KINDS = ("question", "extraction")
_LINKED = "linked-"
_ENOUGH = 10

Finding = dict[str, Any]


@dataclass(frozen=True)
class Second:
    """What came of it: requests by player and those of them that were slowed down; findings by player, with evidence."""

    sent: dict[str, int]
    slowed: dict[str, int]
    found: dict[str, Finding]

    def told(self) -> dict[str, Any]:
        """For a program."""
        return {
            name: {
                "requests": count,
                "slowed_down": self.slowed[name],
                "finding": self.found[name]["kind"] if name in self.found else None,
                "group": self.found[name]["group_key"] if name in self.found else "",
            }
            for name, count in self.sent.items()
        }


def play(stage: Stage, players: list[Player], keys: dict[str, str]) -> Second:
    """Everyone plays by raw HTTP, until the analyst has found what there is to find, or its time is over."""
    from proxy.demo.players import raw
    from proxy.demo.players.clients import Clients, Kit
    from proxy.demo.players.crowd import ROUNDS

    kit = Kit(raw.RawOpenAI, raw.RawAnthropic, raw.RawGemini, ("raw HTTP",) * 3)
    clients = {player.name: Clients(kit, stage.gateway, keys[player.name]) for player in players}
    linked = [player for player in players if player.name.startswith(_LINKED)]
    others = [player for player in players if player not in linked]
    # the host knows that the accounts are paid for by one card, which no client chooses to show
    stage.post("/traits", {"rows": [{"principal": player.name, "traits": {"payment": "card-41f0"}} for player in linked]})
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        acts = [pool.submit(player.act, clients[player.name]) for player in others]
        for _ in range(ROUNDS):
            for player in linked:
                player.act(clients[player.name])
        for each in acts:
            each.result()
    found = _wait(stage, players)
    late = next(player for player in players if player.name == "pair-factory")
    late.act(clients[late.name])
    sent = {player.name: len(clients[player.name].statuses) for player in players}
    return Second(sent, {name: clients[name].statuses.count(TOO_MANY_REQUESTS) for name in sent}, found)


def _wait(stage: Stage, players: list[Player]) -> dict[str, Finding]:
    until = time.monotonic() + _FOUND_SECONDS
    names = {player.name for player in players}
    found: dict[str, Finding] = {}
    while time.monotonic() < until:
        with suppress(OSError):
            items = [item for kind in _KINDS for item in stage.get(f"/findings?kind={kind}&limit=200")["items"]]
            found = {item["principal"]: item for item in items if item["detector"] and item["principal"] in names}
        linked = [name for name in found if name.startswith(_LINKED)]
        if len(linked) >= _ENOUGH and all(found.get(name, {}).get("kind") == kind for name, kind in _WANTED.items()):
            break
        time.sleep(0.3)
    return found


def show(second: Second, say: Callable[[str], None], pages: str | None) -> None:
    """In words: who was found, by which evidence, and who was left alone; and where to read on, if `pages` will be there."""
    say("\nThe analyst read all of it from the ledger:")
    linked = [name for name in second.sent if name.startswith(_LINKED)]
    for name in second.sent:
        if name in linked:
            continue
        found = second.found.get(name)
        if found is None:
            say(f"  {name:<13} left alone ({second.sent[name]} requests)")
        else:
            slowed = f"; then slowed down: {second.slowed[name]} answers 429" if second.slowed[name] else "; never slowed down"
            say(f"  {name:<13} {found['kind']} at prompt {found['detail']['prompt']}{slowed}")
            say(f"    {found['sentences'][0]}")
            _read_on(found, say, pages)
    tied = [name for name in linked if name in second.found and second.found[name]["group_key"]]
    if tied:
        first = second.found[tied[0]]
        each = max(second.sent[name] for name in linked)
        say(f"  {len(tied)} of {len(linked)} linked accounts, {each} requests each: {first['kind']}, group {first['group_key']}")
        say(f"    {first['sentences'][0]}")
        _read_on(first, say, pages)


def _read_on(found: dict[str, Any], say: Callable[[str], None], pages: str | None) -> None:
    if pages is not None:
        say(f"    {pages}/findings/{found['id']}")
