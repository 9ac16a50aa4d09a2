"""Whether a command line is one of ours, without running it."""

from __future__ import annotations

import typer
from typer.exceptions import TyperException
from typer.main import get_command


def wrong_options(application: typer.Typer, arguments: list[str]) -> list[str]:
    """What the command line would complain about; empty when it is well-formed."""
    name, *rest = arguments
    command = get_command(application).commands.get(name)  # type: ignore[attr-defined]
    if command is None:
        return [f"{name}: no such command"]
    try:
        command.make_context(name, rest)
    except TyperException as error:
        return [f"{' '.join(arguments)}: {error.format_message()}"]
    return []
