"""The demo's players."""

from __future__ import annotations

import json

from proxy.cli.played import players
from proxy.core.principal import PURPOSES


def test_requests_are_sound() -> None:
    """Every player has a purpose there is, and every request its key in a provider's slot and a JSON body."""
    for player in players():
        assert player.purpose in PURPOSES
        for call in player.calls:
            assert "sk-x" in call.headers("sk-x")[call.slot]
            assert json.loads(call.content())
