"""The gateway worker of the reload torture: one that looks for snapshots all the time, and may have a fault.

    python -m tests.torture.reload_worker FOLDER [FAULT]

Faults: `newest_rules` (whatever is judged is judged by the newest rules there are), `terms_later` (a set comes into force in two
steps: its terms with the set after it).
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proxy.app.judging import Judging
from proxy.core.exchange import Exchange
from proxy.gateway import snapshots
from proxy.gateway.house import Entries
from proxy.gateway.judges import Judges

POLL_SECONDS = 0.01


class _Newest(Judging):
    """Judges share whatever was made last."""

    def __call__(self, entries: Entries) -> Judges:
        made = super().__call__(entries)
        _Shared.policy_of = made
        return _Shared(made)  # type: ignore[return-value]


class _Shared:
    """One set's judges, whose rules are the newest there are."""

    policy_of: Judges

    def __init__(self, own: Judges) -> None:
        self._own = own
        self.bundle = own.bundle

    def policy(self, exchange: Exchange) -> Any:
        """By the newest rules."""
        return self.policy_of.policy(exchange)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


class _TermsLater(Judging):
    """The terms of a set come into force with the set after it."""

    _held_back: Mapping[str, Any] = {}

    def __call__(self, entries: Entries) -> Judges:
        now = {**entries, "terms": self._held_back or entries["terms"]}
        type(self)._held_back = entries["terms"]
        return super().__call__(now)


FAULTS: dict[str, Callable[[], Judging]] = {"newest_rules": _Newest, "terms_later": _TermsLater}


def main(folder: Path, fault: str = "") -> int:
    """Serve until told to end."""
    from proxy.gateway.server import run

    snapshots.POLL_SECONDS = POLL_SECONDS
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    judging = FAULTS[fault]() if fault else Judging()
    return run(folder / "current", folder / "data", 0, [listener], judging, None)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
