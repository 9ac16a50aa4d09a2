"""`tos-proxy policy backtest`: what a draft would have decided about recorded traffic, beside the set in force."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle

if TYPE_CHECKING:
    from proxy.policy.backtest import Backtest
    from proxy.provenance.calls import Portion

INTERRUPTED = 130
_SAY_SECONDS = 10.0


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
      tos-proxy policy backtest --terms 2026-11-22
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.app.backtesting import Draft, run, sets
    from proxy.cli.backtest_shown import show
    from proxy.provenance.calls import Span
    from proxy.settings.compiling import compile_configuration

    settle(config, data_dir)
    now = time.time_ns() // 1000
    span = Span(_moment(since, now), _moment(until, now), frozenset(principal or []), frozenset(upstream or []))
    if span.since is not None and span.until is not None and span.since >= span.until:
        raise typer.BadParameter("ends before it begins", param_hint="--until")
    compiled = compile_configuration(os.environ, make=False, unset_keys=True)
    both = sets(compiled, Draft(tuple(draft or ()), terms, enforce, alone), now)
    with _progress() as told:
        ran = asyncio.run(run(compiled, both, span, limit_examples, told))
    show(ran.result, span, partial=ran.partial, json_=json_)
    if not ran.result.queries and not ran.partial:
        print("tos-proxy: nothing was tried, as no recorded query is of that time, principal and upstream", file=sys.stderr)
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
