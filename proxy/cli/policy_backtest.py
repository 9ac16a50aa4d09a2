"""`tos-proxy policy backtest`: what a draft would have decided about recorded traffic, beside the set in force."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle

if TYPE_CHECKING:
    from proxy.app.sets import RuleSet
    from proxy.policy.backtest import Backtest, Result
    from proxy.provenance.calls import Portion, Span
    from proxy.settings.compiling import Compiled

INTERRUPTED = 130
_SAY_SECONDS = 10.0


@dataclass(frozen=True)
class Ran:
    """What a backtest came to, and whether it was cut short."""

    result: Result
    partial: bool
    span: Span


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(backtest)


def backtest(  # noqa: PLR0913, PLR0917 - one argument per option
    draft: Annotated[list[Path] | None, typer.Argument(help="Policies, folders of them, or packs.")] = None,
    since: Annotated[str | None, typer.Option(help="First day or moment (2026-10-01), or how long ago (30d).")] = None,
    until: Annotated[str | None, typer.Option(help="The same of the end, which is excluded.")] = None,
    principal: Annotated[list[str] | None, typer.Option(help="Only queries of this principal; repeat for several.")] = None,
    upstream: Annotated[list[str] | None, typer.Option(help="Only queries to this upstream; repeat for several.")] = None,
    terms: Annotated[str | None, typer.Option(help="Judge the draft by this version or folder of terms.")] = None,
    enforce: Annotated[bool, typer.Option("--enforce", help="Take the draft's rules out of shadow and roll-out.")] = False,
    alone: Annotated[bool, typer.Option("--alone", help="The draft is the whole set, not laid over the one in force.")] = False,
    limit_examples: Annotated[int, typer.Option(min=0, help="Examples of each kind of change.")] = 3,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Judge recorded traffic by a draft and by the set in force, and show what would change. Only evidence is read.

    The draft's rules replace those of the same name, packs replace packs, and all stand beside the others. Ctrl-C ends it with
    what it has so far.
    Exit 0: no decision changes; 1: some do; 130: it was cut short.

    \b
    Examples:
      tos-proxy policy backtest policies/no-logprobs.yaml --since 30d
      tos-proxy policy backtest --enforce policies/ --principal research --json
      tos-proxy policy backtest --terms 2026.11.22
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.cli.backtest_shown import show
    from proxy.provenance.calls import Span
    from proxy.settings.compiling import compile_configuration

    settle(config, data_dir)
    now = time.time_ns() // 1000
    span = Span(_moment(since, now), _moment(until, now), frozenset(principal or []), frozenset(upstream or []))
    compiled = compile_configuration(os.environ, make=False)
    in_force, drafted = _sets(compiled, draft or [], terms, now, enforce=enforce, alone=alone)
    ran = asyncio.run(_run(compiled, in_force, drafted, span, limit_examples))
    show(ran.result, span, partial=ran.partial, json_=json_)
    raise typer.Exit(INTERRUPTED if ran.partial else int(ran.result.changed > 0))


def _moment(written: str | None, now: int) -> int | None:
    """Microseconds since 1970 of a day, a moment, or a time ago."""
    from proxy.settings.units import seconds

    if written is None:
        return None
    try:
        return now - round(seconds(written) * 1_000_000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"{written!r} should be a day as 2026-10-01, a moment, or how long ago as 30d") from None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000_000)


def _sets(
    compiled: Compiled, paths: list[Path], terms: str | None, now: int, *, enforce: bool, alone: bool
) -> tuple[RuleSet, RuleSet]:
    """The set in force and the draft. Raises: ConfigurationError when the draft cannot be used."""
    from proxy.app.sets import in_force as found
    from proxy.cli.drafts import drafts
    from proxy.documents.problems import ConfigurationError

    in_force = found(compiled.settings.data_dir, compiled.entries)
    rules, packs = list(in_force.rules.values()), frozenset[str]()
    if paths:
        drafted = drafts(paths, now)
        if drafted.problems:
            raise ConfigurationError(drafted.problems)
        rules = [each.rule for each in drafted.placed]
        if all(path.is_dir() for path in paths):  # of a file within a pack, its pack's other rules stay as they are
            packs = frozenset(pack for pack, slash, _ in (rule.name.rpartition("/") for rule in rules) if slash)
    if enforce:
        rules = [msgspec.structs.replace(rule, mode="enforce", rollout=100) for rule in rules]
    whole = in_force.with_rules(rules, packs=packs, alone=alone)
    return in_force, whole if terms is None else _with_terms(whole, compiled, terms)


def _with_terms(draft: RuleSet, compiled: Compiled, terms: str) -> RuleSet:
    """The draft judged by other terms: a folder of a catalogue, or a version that is kept."""
    from proxy.settings.schema import Terms as Wanted
    from proxy.settings.terms import compiled_terms

    folder = Path(terms) if Path(terms).is_dir() else None
    wanted = Wanted() if folder is not None else Wanted(version=terms)
    settings = compiled.settings.model_copy(update={"terms": wanted})
    file = compiled.loaded.file
    made = compiled_terms(settings, file.parent if file else Path.cwd(), compiled.loaded.origin, folder)
    return draft._replace(rows=made.rows, models=made.models)


async def _run(compiled: Compiled, in_force: RuleSet, draft: RuleSet, span: Span, examples: int) -> Ran:
    """Read, judge and count, until the end or Ctrl-C."""
    from proxy.app.sets import PastJudge, rare_collection
    from proxy.ledger.store import Store
    from proxy.policy.backtest import Backtest
    from proxy.provenance.calls import calls
    from proxy.settings.compiling import running

    test = Backtest(PastJudge(in_force), PastJudge(draft), {**in_force.rules, **draft.rules}, examples=examples)
    store = await Store.look(running(compiled.settings).store_url)
    partial = False
    try:
        with _progress() as told, rare_collection():
            async for portion in calls(store, span):
                for entry, call in portion.calls:
                    test.take(entry, call)
                test.skipped += portion.skipped
                told(portion, test)
    except asyncio.CancelledError:
        partial = True
    finally:
        await store.close()
    return Ran(test.result(), partial, span)


@contextmanager
def _progress() -> Iterator[Callable[[Portion, Backtest], None]]:
    """Tells how far it is: drawn on a terminal, else a line now and then. On stderr."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("0 queries", total=None)
        yield lambda portion, test: bar.update(
            task, completed=portion.passed, total=portion.total, description=f"{test.queries:,} queries, {test.changed:,} changed"
        )


def _lines() -> Callable[[Portion, Backtest], None]:
    said = time.monotonic()

    def tell(portion: Portion, test: Backtest) -> None:
        nonlocal said
        if time.monotonic() - said >= _SAY_SECONDS:
            said = time.monotonic()
            line = f"{portion.passed:,} of {portion.total:,} entries, {test.queries:,} queries, {test.changed:,} changed"
            print(line, file=sys.stderr, flush=True)

    return tell
