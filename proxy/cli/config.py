"""`tos-proxy config check|show`: is the configuration usable, and what is in force from where."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle

if TYPE_CHECKING:
    from proxy.documents.problems import Problem


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)
    group.command()(check)
    group.command()(show)
    app.add_typer(group, name="config")


def check(config: ConfigOption = None, data_dir: DataDirOption = None, json_: JsonOption = False) -> None:
    """Check file and environment: every problem in one line. Exit 0 usable, 1 usable with warnings, 2 not usable.

    \b
    Examples:
      tos-proxy config check
      tos-proxy config check --config /etc/tos-proxy.yaml
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.documents.problems import ConfigurationError
    from proxy.settings.compiling import compile_configuration

    settle(config, data_dir)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    source = "defaults and environment"
    try:
        compiled = compile_configuration(os.environ, make=False)
    except ConfigurationError as error:
        problems = error.problems
    else:
        warnings = compiled.warnings
        source = str(compiled.loaded.file or source)
    if json_:
        print(json.dumps({"usable": not problems, "problems": _rows(problems), "warnings": _rows(warnings)}, indent=2))
    else:
        for problem in problems:
            print(problem, file=sys.stderr)
        for warning in warnings:
            print(f"warning: {warning}", file=sys.stderr)
        if not problems:
            print(f"{source}: usable" + (f", {len(warnings)} warning{'s' * (len(warnings) > 1)}" if warnings else ""))
    raise typer.Exit(2 if problems else 1 if warnings else 0)


def _rows(problems: list[Problem]) -> list[dict[str, str]]:
    return [{"place": each.place, "path": each.path, "message": each.message, "hint": each.hint} for each in problems]


def show(config: ConfigOption = None, data_dir: DataDirOption = None, json_: JsonOption = False) -> None:
    """Show the effective configuration, each value with its origin; secrets as fingerprints only.

    \b
    Examples:
      tos-proxy config show
      tos-proxy config show --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.settings.effective import effective
    from proxy.settings.identity import identity_key
    from proxy.settings.loading import load

    settle(config, data_dir)
    loaded = load(os.environ)
    shown = effective(loaded, identity_key(loaded.settings.data_dir, os.environ, make=False))
    if json_:
        print(json.dumps([{"path": each.path, "value": each.value, "origin": each.origin} for each in shown], indent=2))
        return
    lines = [f"{each.path}: {json.dumps(each.value, ensure_ascii=False)}" for each in shown]
    width = min(60, max(map(len, lines)))
    for line, each in zip(lines, shown, strict=True):
        print(f"{line:<{width}}  # {each.origin}")
