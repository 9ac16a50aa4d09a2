"""`tos-proxy healthcheck`: asks the health listener, for container images without curl."""

from __future__ import annotations

import http.client
import json
import os
import sys
from typing import Annotated

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle

_SECONDS = 3.0
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(healthcheck)


def healthcheck(
    live: Annotated[bool, typer.Option("--live", help="Ask only whether the process lives, not whether it is ready.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Ask the running proxy whether it is ready. Exit 0 yes, 1 no.

    \b
    Examples:
      tos-proxy healthcheck
      tos-proxy healthcheck --live
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.settings.loading import load

    settle(config, data_dir)
    health = load(os.environ).settings.health
    host = _ANYWHERE.get(health.host, health.host)
    good, text = _ask(host, health.port, "/healthz" if live else "/readyz")
    if json_:
        print(json.dumps({"ok": good, "answer": text}))
    else:
        print(text, file=sys.stdout if good else sys.stderr)
    raise typer.Exit(0 if good else 1)


def _ask(host: str, port: int, path: str) -> tuple[bool, str]:
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status == http.client.OK, answer.read().decode("utf-8", "replace").strip().replace("\n", "; ")
    except (OSError, http.client.HTTPException) as error:
        return False, f"no answer from {host}:{port}: {error}"
    finally:
        connection.close()
