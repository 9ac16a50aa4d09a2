"""`tos-proxy demo`: a scripted upstream, the proxy on a temporary folder, a few principals at work, and the records they left.

No network, no keys, nothing left behind.
"""

from __future__ import annotations

import json
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.cli.options import JsonOption

if TYPE_CHECKING:
    from proxy.cli.stage import Stage
    from proxy.demo.players.cast import Player
    from proxy.demo.players.clients import Kit


_OLD = (
    "The terms that came with this version have to be read again ({} findings say which), and until somebody has, what they allow "
    "is a review; what they forbid stays forbidden."
)

KeepOption = Annotated[
    bool | None, typer.Option("--keep/--end", help="Go on until Ctrl-C, to look around; else end. At a terminal it goes on.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    keep: KeepOption = None,
    json_: JsonOption = False,
) -> None:
    """Show it in a minute: no keys, no network. A scripted model API, played clients, and the records they left.

    The clients are the providers' SDKs where they are installed (pip install "tos-proxy[demo]"), raw HTTP otherwise.

    \b
    Examples:
      tos-proxy demo
      tos-proxy demo --end
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.cli import demo_detection
    from proxy.cli.stage import records, staged
    from proxy.demo.players.cast import players
    from proxy.demo.players.crowd import crowd
    from proxy.demo.players.sdk import kit
    from proxy.demo.upstream import upstream_process

    began, say = time.monotonic(), _Voice(quiet=json_)
    stays = keep if keep is not None else (sys.stdin.isatty() and sys.stdout.isatty() and not json_)
    cast, many = players(), crowd()
    keys = {player.name: f"sk-demo-{secrets.token_hex(12)}" for player in cast + many}
    with (
        ended_in_order(),
        tempfile.TemporaryDirectory(prefix="tos-proxy-demo-") as folder,
        upstream_process() as upstream,
        ThreadPoolExecutor(1) as pool,
    ):
        by = pool.submit(kit)  # SDKs take their time to be imported
        say.line(f"A scripted model API answers on {upstream.url} in three dialects.")
        with staged(Path(folder), upstream.url, cast + many, keys) as stage:
            say.line(f"The proxy is ready on {stage.gateway}; its records go to {folder}.")
            sent = _play(cast, by.result(), keys, stage, say)
            found = records(stage, sent)
            seen = len(upstream.seen())
            if not json_:
                _show(found, stage, [player.name for player in cast], sent=sent, seen=seen, seconds=time.monotonic() - began)
                _tell_of_old_terms(stage, say)
            say.line(f"\nNow a crowd of {len(many)} principals, all of whom ask for short texts:")
            second = demo_detection.play(stage, many, keys)
            demo_detection.show(second, say.line, stage.admin if stays else None)
            say.line(f"{time.monotonic() - began:.0f} s.")
            if json_:
                told = {"sent": sent, "upstream_saw": seen, "records": found, "detection": second.told()}
                print(json.dumps(told, indent=2))
            if stays:
                _wait(stage, say)


def _show(found: list[dict[str, Any]], stage: Stage, order: list[str], *, sent: int, seen: int, seconds: float) -> None:
    from proxy.cli import shown

    carrier = next(record for record in found if record["endpoint"] == "file_upload")
    (line,) = stage.get(f"/exchanges/{carrier['id']}/lines?limit=1")["items"]
    shown.show(found, line, order, sent=sent, seen=seen, seconds=seconds)


def _tell_of_old_terms(stage: Stage, say: _Voice) -> None:
    """Say why calls are in doubt that nothing speaks against, once the terms of this version have to be read again."""
    found = stage.get("/findings?kind=terms&limit=500")["items"]
    due = [one for one in found if not one["principal"] and one["severity"] == "low"]  # what is past its day
    if due:
        say.line(_OLD.format(len(due)))


class _Voice:
    """Progress for a person; silent when the output is for a program."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def line(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Whoever ends the demo, or closes its terminal, ends what it has started as well: a signal becomes an exit.

    One that comes in the midst of a lock's work makes that fail in its own way; what is told then is the signal all the same.
    """
    came: list[int] = []

    def leave(number: int, _frame: object) -> None:
        came.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: handler for number in signals if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, leave)
    try:
        yield
    except Exception:
        if came:
            sys.exit(128 + came[0])
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _play(cast: list[Player], kit: Kit, keys: dict[str, str], stage: Stage, say: _Voice) -> int:
    """Everyone plays at once. Returns how many requests were sent."""
    from proxy.cli.stage import DemoError
    from proxy.demo.players.clients import Clients

    def act(player: Player) -> list[int]:
        clients = Clients(kit, stage.gateway, keys[player.name])
        try:
            player.act(clients)
        except Exception as error:
            # Every SDK has its own exceptions; whichever it is, the play is over.
            raise DemoError(f"{player.name} could not go on: {type(error).__name__}: {error}") from error
        return clients.statuses

    say.line(f"{len(cast)} principals ask at once (so many requests), by {', '.join(dict.fromkeys(kit.named))}:")
    sent = 0
    with ThreadPoolExecutor(len(cast)) as pool:
        acts = {pool.submit(act, player): player for player in cast}
        for done in as_completed(acts):
            player, statuses = acts[done], done.result()
            sent += len(statuses)
            say.line(f"  {player.name:<14} {player.purpose:<14} {player.does} ({len(statuses)})")
    return sent


def _wait(stage: Stage, say: _Voice) -> None:
    """Say what there is to look at and to do, and go on until Ctrl-C."""
    found = stage.get("/cases?state=open&limit=500")["items"]
    told = {item["subject_kind"]: item for item in found if item["severity"] == "high"}
    say.line(f"\nNow it is yours: {stage.admin} in a browser; sign in with the token {stage.token}")
    say.line(f"  {len(found)} cases wait for a decision: {stage.admin}/queue")
    if (one := told.get("principal")) is not None:
        say.line(f"  {one['subject']}, what was found and what to decide: {stage.admin}/cases/{one['id']}")
    if (group := told.get("group")) is not None:
        say.line(f"  linked accounts, and who shares what with whom: {stage.admin}/groups/{group['subject']}")
    say.line(f"The gateway answers on {stage.gateway}, the API on {stage.admin}/api/v1. Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        signal.pause()
    say.line("")
