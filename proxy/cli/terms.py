"""`tos-proxy terms …`: a file for each command, `terms_<command>.py` beside this one, each an entry of `COMMANDS`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import typer

# Modules `terms_<name>` of this package; each offers `register(group)`.
COMMANDS = ("list", "show", "verdict", "release", "diff", "adopt", "drift")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Terms: what providers and licences allow, since when, and who says so.", no_args_is_help=True)
    for name in COMMANDS:
        registered: Callable[[typer.Typer], None] = import_module(f"proxy.cli.terms_{name}").register
        registered(group)
    app.add_typer(group, name="terms")
