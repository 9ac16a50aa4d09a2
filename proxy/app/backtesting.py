"""Runs a backtest: the set in force and a draft over it, and recorded traffic judged by both. For the command and for jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from proxy.app.drafts import drafts
from proxy.app.sets import PastJudge, RuleSet, in_force, rare_collection
from proxy.documents.problems import ConfigurationError
from proxy.ledger.store import Store
from proxy.policy.backtest import Backtest, Result
from proxy.provenance.calls import Portion, Span, calls
from proxy.settings.compiling import running

if TYPE_CHECKING:
    from proxy.settings.compiling import Compiled

Progress = Callable[[Portion, Backtest], None]
"""Is told after each window how far it is."""


@dataclass(frozen=True)
class Draft:
    """What is laid over the set in force: files or folders of policies or packs, and, if given, `terms` (a version or a folder).

    `enforce` takes its rules out of shadow and roll-out; `alone` makes it the whole set.
    """

    paths: tuple[Path, ...] = ()
    terms: str | None = None
    enforce: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Ran:
    """What a backtest came to, and whether it was cut short."""

    result: Result
    partial: bool
    span: Span


def sets(compiled: Compiled, draft: Draft, now: int) -> tuple[RuleSet, RuleSet]:
    """The set in force and the draft. Raises: ConfigurationError when the draft cannot be used."""
    present = in_force(compiled.settings.data_dir, compiled.entries)
    rules, packs = list(present.rules.values()), frozenset[str]()
    if draft.paths:
        drafted = drafts(list(draft.paths), now)
        if drafted.problems:
            raise ConfigurationError(drafted.problems)
        rules = [each.rule for each in drafted.placed]
        if all(path.is_dir() for path in draft.paths):  # of a file within a pack, its pack's other rules stay as they are
            packs = frozenset(pack for pack, slash, _ in (rule.name.rpartition("/") for rule in rules) if slash)
    if draft.enforce:
        rules = [msgspec.structs.replace(rule, mode="enforce", rollout=100) for rule in rules]
    whole = present.with_rules(rules, packs=packs, alone=draft.alone)
    return present, whole if draft.terms is None else _with_terms(whole, compiled, draft.terms)


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


async def run(compiled: Compiled, both: tuple[RuleSet, RuleSet], span: Span, examples: int, told: Progress) -> Ran:
    """Read, judge and count, until the end or until it is cancelled, which makes the result a partial one.

    Raises: StoreUnavailableError.
    """
    present, draft = both
    test = Backtest(PastJudge(present), PastJudge(draft), {**present.rules, **draft.rules}, examples=examples)
    store = await Store.look(running(compiled.settings).store_url)
    partial = False
    try:
        with rare_collection():
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
