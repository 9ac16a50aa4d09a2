"""`tos-proxy policy check`: what is wrong with policies, before anybody is judged by them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.options import ConfigOption, JsonOption, settle

if TYPE_CHECKING:
    from proxy.app.drafts import Drafts
    from proxy.documents.problems import Problem


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(check)


def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Packs, folders, policies or tests; else what is in force.")] = None,
    on: Annotated[str | None, typer.Option(help="The day on which exceptions must not have ended; today if not said.")] = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Check policies and their tests: types, unreachable and shadowed rules, clauses that do not exist, rules without tests,
    examples that no rule covers, exceptions that have ended, denials without message. Every problem is one line with its place.
    Exit 0 for none, else 1.

    \b
    Examples:
      tos-proxy policy check
      tos-proxy policy check policies/ --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.app.drafts import drafts
    from proxy.cli.tables import counted
    from proxy.policy.cases import instant

    settle(config)
    try:
        now = time.time_ns() // 1000 if on is None else instant(on)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--on") from None
    found = drafts(paths or [], now)
    problems = _problems(found)
    if json_:
        rows = [{"place": each.place, "path": each.path, "message": each.message, "hint": each.hint} for each in problems]
        print(json.dumps({"rules": len(found.placed), "tests": len(found.suites), "problems": rows}, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            print(problem)
        counts = f"{counted(len(found.placed), 'rule')}, {counted(len(found.suites), 'test file')}"
        print(f"{counts}: {counted(len(problems), 'problem') if problems else 'nothing to complain of'}")
    raise typer.Exit(1 if problems else 0)


def _problems(found: Drafts) -> list[Problem]:
    """All of them, in the order of files and lines. Rules are compared and run only once all of them can be read."""
    from proxy.documents.checking import in_file_order
    from proxy.policy.soundness import uncovered, unfounded, unsound, untested
    from proxy.policy.suite import run

    problems = [*found.problems, *found.lost, *found.warnings]
    if not found.problems:
        results = [result for suite in found.suites for result in run(suite, found.means)]
        problems += [*unsound(found.placed), *untested(found.placed, found.suites, results)]
        problems += [*unfounded(found.suites, found.clauses), *uncovered(results)]
    return sorted(problems, key=lambda each: (each.place.partition(":")[0], in_file_order(each)))
