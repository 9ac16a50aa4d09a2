"""`tos-proxy demo`: a scripted upstream, the proxy on a temporary folder, a few principals at work, and the records they left.

No network, no keys, nothing left behind.
"""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from proxy.cli.options import JsonOption
from proxy.cli.played import Call, Player, players
from proxy.core.errors import TosProxyError

_START_SECONDS = 30.0
_SHIP_SECONDS = 20.0
_CALL_SECONDS = 30.0
_SHOWN = 300
_WIDE = 100


class DemoError(TosProxyError):
    """The demo could not be played; the text says where it stopped."""


@dataclass(frozen=True)
class Stage:
    """The running proxy: where it listens, and the token of its admin API."""

    gateway: str
    admin: str
    token: str
    folder: Path


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C, to look around.")] = False,
    json_: JsonOption = False,
) -> None:
    """Show it in a minute: no keys, no network. A scripted model API, played clients, and the records they left.

    \b
    Examples:
      tos-proxy demo
      tos-proxy demo --keep
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.demo.upstream import upstream_process

    began = time.monotonic()
    say = _Voice(quiet=json_)
    cast = players()
    keys = {player.name: f"sk-demo-{secrets.token_hex(12)}" for player in cast}
    with tempfile.TemporaryDirectory(prefix="tos-proxy-demo-") as folder, upstream_process() as upstream:
        say.line(f"A scripted model API answers on {upstream.url} in three dialects.")
        with _stage(Path(folder), upstream.url, cast, keys) as stage:
            say.line(f"The proxy is ready on {stage.gateway}; its records go to {folder}.")
            sent = _play(cast, keys, stage, say)
            records = _records(stage, sent)
            seen = len(upstream.seen())
            if json_:
                print(json.dumps({"sent": sent, "upstream_saw": seen, "records": records}, indent=2))
            else:
                _show(records, stage, sent=sent, seen=seen, seconds=time.monotonic() - began)
            if keep:
                _wait(stage, say)


class _Voice:
    """Progress for a person; silent when the output is for a program."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def line(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)


@contextmanager
def _stage(folder: Path, upstream: str, cast: list[Player], keys: dict[str, str]) -> Iterator[Stage]:
    from proxy.cli.serve import child_environment
    from proxy.settings.builtin import builtin_upstreams

    gateway, admin, health = _free_ports(3)
    token = secrets.token_urlsafe(24)
    configuration = {
        "gateway": {"port": gateway, "deadlines": {"drain": "2s"}},
        "admin": {"port": admin, "token": token},
        "health": {"port": health},
        "data_dir": str(folder / "records"),
        "upstreams": {name: {"base_url": upstream} for name in builtin_upstreams()},
        "principals": {
            player.name: {"keys": [f"env:{_variable(player)}"], "purpose": player.purpose, "project": player.project}
            for player in cast
        },
    }
    file = folder / "tos-proxy.yaml"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    environ = {key: value for key, value in child_environment().items() if not key.startswith("TOS_PROXY_")}
    environ |= {"TOS_PROXY_CONFIG": str(file)} | {_variable(player): keys[player.name] for player in cast}
    with (folder / "diagnostics").open("wb") as diagnostics:
        command = [sys.executable, "-P", "-m", "proxy.cli", "serve"]
        # A group of its own: Ctrl-C reaches the demo alone, which then ends the proxy in order.
        process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=diagnostics, process_group=0)  # noqa: S603
    try:
        _until_ready(process, f"http://127.0.0.1:{health}/readyz", folder / "diagnostics")
        yield Stage(f"http://127.0.0.1:{gateway}", f"http://127.0.0.1:{admin}", token, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _variable(player: Player) -> str:
    return f"DEMO_KEY_{player.name.upper().replace('-', '_')}"


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def _until_ready(process: subprocess.Popen[bytes], url: str, diagnostics: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise DemoError(f"the proxy did not start: {diagnostics.read_text(errors='replace').strip()}")
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.03)
    raise DemoError(f"the proxy was not ready within {_START_SECONDS:.0f} s")


def _play(cast: list[Player], keys: dict[str, str], stage: Stage, say: _Voice) -> int:
    """Everyone plays at once. Returns how many requests were sent."""

    def act(player: Player) -> tuple[Player, list[int]]:
        return player, [_send(call, keys[player.name], stage.gateway) for call in player.calls]

    say.line(f"{len(cast)} principals send {sum(len(player.calls) for player in cast)} requests …")
    count = 0
    with ThreadPoolExecutor(len(cast)) as pool:
        for player, statuses in pool.map(act, cast):
            count += len(statuses)
            say.line(f"  {player.name:<14} {player.purpose:<14} {player.does}: {' '.join(map(str, statuses))}")
    return count


def _send(call: Call, key: str, gateway: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(gateway).netloc, timeout=_CALL_SECONDS)
    try:
        connection.request("POST", call.path, call.content(), call.headers(key))
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise DemoError(f"{call.path} was not answered: {error}") from None
    else:
        return answer.status
    finally:
        connection.close()


def _get(stage: Stage, path: str) -> Any:
    asked = urllib.request.Request(f"{stage.admin}/api/v1{path}", headers={"authorization": f"Bearer {stage.token}"})  # noqa: S310 - loopback
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def _records(stage: Stage, count: int) -> list[dict[str, Any]]:
    """The records through the admin API, oldest first, once all `count` have arrived there with their outcome."""
    until = time.monotonic() + _SHIP_SECONDS
    while True:
        try:
            items: list[dict[str, Any]] = _get(stage, "/exchanges?limit=200")["items"]
        except OSError as error:
            items, reason = [], str(error)
        else:
            reason = f"{len(items)} of {count} records"
        if len(items) >= count and all(item.get("outcome") for item in items):
            return sorted(items, key=lambda item: (item["at"], item["id"]))
        if time.monotonic() > until:
            raise DemoError(f"the admin API had {reason} after {_SHIP_SECONDS:.0f} s")
        time.sleep(0.1)


def _show(records: list[dict[str, Any]], stage: Stage, *, sent: int, seen: int, seconds: float) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    wide = console.width >= _WIDE
    for name in ("principal", "purpose", "asked", *(["model"] if wide else []), "outcome"):
        table.add_column(name, no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    for item in records:
        status = int(item.get("status") or 0)
        good = item["outcome"] == "completed" and status < http.client.BAD_REQUEST
        who = [
            item["principal"],
            item["purpose"],
            f"{item['upstream']} {item['endpoint']}",
            *([item["model_requested"]] if wide else []),
        ]
        table.add_row(
            *map(Text, (*who, f"{status} {item['outcome']}", f"{item['answer_bytes']:,}")), style="" if good else "yellow"
        )
    console.print(table)
    last = next((item for item in records if item["principal"] == "dataset-maker"), records[-1])
    content = _get(stage, f"/exchanges/{last['id']}")["content"]
    console.print(f"\n[bold]One of them, opened[/bold]  {last['id']}  {last['principal']} ({last['purpose']})")
    for side in ("request", "answer"):
        text = content.get(side) or ""
        text = text if isinstance(text, str) else json.dumps(text)
        console.print(Text(f"  {side:<8} {text[:_SHOWN]}{' …' if len(text) > _SHOWN else ''}", style="dim"))
    missing = max(0, seen - len(records))
    console.print(
        f"\n{sent} requests sent, {seen} seen upstream, {len(records)} recorded, {missing} without a record. {seconds:.0f} s."
    )


def _wait(stage: Stage, say: _Voice) -> None:
    say.line(f"\nStill running. Gateway {stage.gateway}, admin API {stage.admin}/api/v1 (token {stage.token}). Ctrl-C ends it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        say.line("")
