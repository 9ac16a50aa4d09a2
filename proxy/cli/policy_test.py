"""`tos-proxy policy test`: do rules do what their tests say, and would the tests notice if they did something else?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.cli.options import ConfigOption, JsonOption, settle

if TYPE_CHECKING:
    from proxy.app.drafts import Drafts
    from proxy.policy.suite import Mutant, Result, Suite


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("test")(run_tests)


def run_tests(
    paths: Annotated[list[Path] | None, typer.Argument(help="Packs, folders, policies or tests; else what is in force.")] = None,
    mutate: Annotated[bool, typer.Option("--mutate", help="Change every rule, and demand that a test notices.")] = False,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Run the tests beside policies. Exit 0 when all pass, 1 when one fails or a change goes unnoticed, 2 for what cannot be read.

    \b
    Examples:
      tos-proxy policy test
      tos-proxy policy test policies/ --mutate
      tos-proxy policy test policies/no-training_test.yaml --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.app.drafts import drafts
    from proxy.documents.problems import ConfigurationError
    from proxy.policy.suite import run

    settle(config)
    found = drafts(paths or [], 0)
    if found.problems or found.lost:
        raise ConfigurationError([*found.problems, *found.lost])
    if not found.suites:
        raise typer.BadParameter("no tests there: a test of rule.yaml is rule_test.yaml beside it", param_hint="PATHS")
    results: list[tuple[Suite, Result]] = []
    for at, suite in enumerate(found.suites, 1):
        _progress(f"{at} of {len(found.suites)} files of tests", json_=json_)
        results += [(suite, result) for result in run(suite, found.means)]
    alive = _mutated(found, json_=json_) if mutate else None
    _progress("", json_=json_)
    failed = [result for _, result in results if result.failures]
    if json_:
        print(json.dumps(_as_json(results, alive), indent=2, ensure_ascii=False))
    else:
        _show(found, results, alive)
    raise typer.Exit(1 if failed or alive else 0)


def _mutated(found: Drafts, *, json_: bool) -> list[Mutant]:
    from proxy.policy.suite import mutants, survivors

    rules = {rule.name: rule for suite in found.suites for rule in suite.rules}
    total = sum(1 for rule in rules.values() for _ in mutants(rule))
    return survivors(found.suites, found.means, lambda tried: _progress(f"{tried} of {total} changes tried", json_=json_))


def _progress(text: str, *, json_: bool) -> None:
    if not json_ and sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _as_json(results: list[tuple[Suite, Result]], alive: list[Mutant] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "cases": [
            {
                "file": suite.test.file,
                "place": result.case.place,
                "case": result.case.name,
                "rules": [rule.name for rule in suite.rules],
                "verdict": result.verdict,
                "effect": result.decision.effect,
                "failures": list(result.failures),
            }
            for suite, result in results
        ]
    }
    shown["passed"] = sum(1 for _, result in results if not result.failures)
    shown["failed"] = len(results) - shown["passed"]
    if alive is not None:
        shown["survivors"] = [{"rule": each.original.name, "source": each.original.source, "change": each.change} for each in alive]
    return shown


def _show(found: Drafts, results: list[tuple[Suite, Result]], alive: list[Mutant] | None) -> None:
    """A line a file, what failed with its place, the changes that nobody noticed, the sums."""
    from proxy.cli.tables import counted, print_table

    rows = []
    for suite in found.suites:
        mine = [result for of, result in results if of is suite]
        failed = sum(1 for result in mine if result.failures)
        about = suite.rules[0].name if len(suite.rules) == 1 else counted(len(suite.rules), "rule")
        rows.append((suite.test.file, about, len(mine), f"{failed} failed" if failed else "passed"))
    print_table(("tests", "of", "cases", "result"), rows)
    for _, result in results:
        for failure in result.failures:
            print(f"{result.case.place}: {result.case.name}: {failure}")
    for each in alive or ():
        print(f"{each.original.source}: {each.original.name}: no test notices: {each.change}")
    failed = sum(1 for _, result in results if result.failures)
    words = [counted(len(results), "case"), f"{failed} failed" if failed else "all passed"]
    if alive is not None:
        words.append(f"{counted(len(alive), 'change')} unnoticed" if alive else "every change of a rule is noticed")
    print(", ".join(words))
