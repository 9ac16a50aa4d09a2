"""The running proxy of `tos-proxy demo`, on a temporary folder, and its admin API."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.core.errors import TosProxyError
from proxy.demo.players.cast import Player

_START_SECONDS = 60.0
_SHIP_SECONDS = 60.0


class DemoError(TosProxyError):
    """The demo could not be played; the text says where it stopped."""


@dataclass(frozen=True)
class Stage:
    """The running proxy: where it listens, and the token of its admin API."""

    gateway: str
    admin: str
    token: str
    folder: Path

    def get(self, path: str) -> Any:
        """What the admin API answers. Raises: OSError."""
        return self._ask(path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the admin API answers to a change; asked again while it is still starting. Raises: OSError."""
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self._ask(path, json.dumps(body).encode())
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError) or time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def _ask(self, path: str, body: bytes | None) -> Any:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        asked = urllib.request.Request(f"{self.admin}/api/v1{path}", body, headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - loopback
            return json.load(answer)


@contextmanager
def staged(folder: Path, upstream: str, cast: list[Player], keys: dict[str, str]) -> Iterator[Stage]:
    """The proxy with all records in `folder`, its upstreams all at one address, `cast` its principals; ended in order.

    Raises: DemoError when it does not start.
    """
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
            player.name: {
                "keys": [f"env:{_variable(player)}"],
                "purpose": player.purpose,
                "project": player.project or None,
                "attributes": {"approval_id": player.approval} if player.approval else {},
            }
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
            with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.03)
    raise DemoError(f"the proxy was not ready within {_START_SECONDS:.0f} s")


def records(stage: Stage, count: int) -> list[dict[str, Any]]:
    """All records with their evidence, oldest first, once `count` have come to the admin API with their outcome and every batch is
    known to have its results.

    Raises: DemoError when they do not come.
    """
    until = time.monotonic() + _SHIP_SECONDS
    while True:
        reason = "did not answer"
        with suppress(OSError):
            items = stage.get("/exchanges?limit=200")["items"]
            ended = [item for item in items if item["outcome"]]
            reason = f"had {len(ended)} of {count} records"
            if len(ended) >= count:
                found = [stage.get(f"/exchanges/{item['id']}") for item in sorted(items, key=lambda item: (item["at"], item["id"]))]
                if all(item["results"] for item in found if item["endpoint"] == "batch_create"):
                    return found
                reason = "did not say where the results of every batch are"
        if time.monotonic() > until:
            raise DemoError(f"the admin API {reason} after {_SHIP_SECONDS:.0f} s")
        time.sleep(0.1)
