"""`tos-proxy policy …`: a file for each command, `policy_<command>.py` beside this one, each an entry of `COMMANDS`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import typer

# Modules `policy_<name>` of this package; each offers `register(group)`.
COMMANDS = ("check", "test", "explain", "backtest", "schema")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Policies: check, test, explain, try on past traffic.", no_args_is_help=True)
    for name in COMMANDS:
        registered: Callable[[typer.Typer], None] = import_module(f"proxy.cli.policy_{name}").register
        registered(group)
    app.add_typer(group, name="policy")
