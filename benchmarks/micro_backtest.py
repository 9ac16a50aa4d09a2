"""What a backtest costs per record, from the store's file to two decisions.

    python -m benchmarks.micro_backtest [RECORDS] [--policies N] [--expressions N] [--reached N] [--database URL]

A store (SQLite, or an empty PostgreSQL database) of so many exchanges (100,000 unless told otherwise; intent and outcome each, 50
principals, 8 models, every hundredth record odd) is read as `policy backtest` reads it, and each query is judged by a set in force
of N policies (200, of which 20 have an expression and 3 of those can be reached) with the shipped terms, and by a draft that denies
some of it. Printed are records per second of one core (CPU time of the whole process), and by the clock, the growth of resident
memory, and the judges' own cost.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it comes without types

from proxy.app.sets import PastJudge, RuleSet, rare_collection
from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.core.rules import Bundle, Rule
from proxy.ledger.record import Content, Intent, Outcome, Position, Versions, encode, leaf
from proxy.ledger.store import Store
from proxy.ledger.store_rows import DAY_US, ENTRY_COLUMNS
from proxy.policy.backtest import Backtest, Result
from proxy.provenance.calls import Span, calls
from proxy.terms import catalog, compiling, releases

START = 1_790_000_000_000_000
INSTANCE = "00000000000000aa-0"
MODELS = ("gpt-5", "gpt-5-mini", "o4-mini", "gpt-4.1", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "gpt-oss-120b")
PURPOSES = ("use.product", "use.product", "use.internal", "eval.private", "train.general", "undeclared")


def rules(count: int, expressions: int, reached: int) -> list[Rule]:
    """Rules as they stand in packs: most match by names, some ask an expression, and few of those are reached by one call."""
    found = []
    for at in range(count):
        upstream = "openai" if at < reached or at % 10 == 9 else f"other-{at}"
        when = f'terms.verdict == "forbid" && prompt_chars > {at} && !(model in ["x", "y"])' if at < expressions else ""
        effect = "flag" if when else "allow"
        found.append(Rule(f"pack/rule-{at}", effect, match={"upstream": (upstream,)}, when=when, clauses=("openai.services.3.3e",)))
    return found


def entries(count: int) -> Iterator[tuple[object, ...]]:
    """Rows of `entries`: an intent and its outcome for each record."""
    for number in range(count):
        at = START + number * 100_000
        record = f"rec_{at // 1000:012x}{number:020x}"
        for kind, entry in (("intent", intent(number, record, at)), ("outcome", outcome(number, record, at + 50_000))):
            evidence = encode(entry)
            yield INSTANCE, 1, entry.seq, entry.at // DAY_US, kind, record, entry.at, evidence, leaf(evidence)


def intent(number: int, record: str, at: int) -> Intent:
    """What was asked; of every hundredth record something odd."""
    model = MODELS[number % len(MODELS)]
    odd = number % 100 == 0
    facts = RequestFacts(model=model, messages=3, prompt_chars=number % 5000, max_tokens=500, n=8 if odd else None, logprobs=odd)
    return Intent(
        v=1,
        id=record,
        instance=INSTANCE,
        epoch=1,
        seq=2 * number + 1,
        at=at,
        mono=at,
        principal=f"team-{number % 50}",
        credential="bearer",
        key="key:0123456789ab",
        end_user="a" * 32,
        purpose=PURPOSES[number % len(PURPOSES)],
        attributes={"distributed": "false"},
        project="shop",
        upstream="openai",
        host="api.openai.com",
        dialect="openai",
        endpoint="chat",
        method="POST",
        target="/v1/chat/completions",
        agent="OpenAI/Python 3.54.0",
        model_requested=model,
        facts=facts,
        request_bytes=1000,
        received="a" * 64,
        versions=Versions(7, "", "2026.11", "0123456789abcdef"),
        verdict="allow",
        decision="allow",
        content=Content("full", "k1"),
        plan="api_key",
        purposes=("use.product", "eval.private", "train.general"),
    )


def outcome(number: int, record: str, at: int) -> Outcome:
    """How it ended."""
    return Outcome(
        v=1,
        id=record,
        instance=INSTANCE,
        epoch=1,
        seq=2 * number + 2,
        at=at,
        mono=at,
        intent=Position(INSTANCE, 1, 2 * number + 1),
        outcome="completed",
        status=200,
        facts=AnswerFacts(usage=Usage(input=30, output=50), finish="stop", text_chars=200),
        answer_bytes=900,
        answered="b" * 64,
        content=Content("full", "k1"),
    )


async def fill(url: str, path: Path, count: int) -> None:
    """Make the store and write the entries, past the shipper: only they are read."""
    await (await Store.open(url)).close()
    rows = entries(count)
    if not url.startswith("sqlite"):
        server = await asyncpg.connect(url)
        await server.copy_records_to_table("entries", records=rows, columns=list(ENTRY_COLUMNS))
        await server.close()
        return
    database = sqlite3.connect(path)
    marks = ", ".join("?" * len(ENTRY_COLUMNS))
    while some := list(islice(rows, 20_000)):
        database.executemany(f"INSERT INTO entries ({', '.join(ENTRY_COLUMNS)}) VALUES ({marks})", some)
        database.commit()
    database.close()


async def backtest(url: str, in_force: RuleSet, draft: RuleSet) -> Result:
    """One backtest, read as the command reads it."""
    store = await Store.look(url)
    test = Backtest(PastJudge(in_force), PastJudge(draft), {**in_force.rules, **draft.rules})
    async for portion in calls(store, Span()):
        for entry, call in portion.calls:
            test.take(entry, call)
    await store.close()
    return test.result()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="?", type=int, default=100_000)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--expressions", type=int, default=20)
    parser.add_argument("--reached", type=int, default=3)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    catalogue = catalog.read(releases.terms_folder())
    rows, models = compiling.rows(catalogue), compiling.models(catalogue)
    some = rules(given.policies, given.expressions, given.reached)
    in_force = RuleSet({rule.name: rule for rule in some}, rows, models, {}, Bundle())
    draft = in_force.with_rules([Rule("draft/no", "deny", match={"purpose": ("train.*",)}, when='terms.verdict == "forbid"')])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        url = given.database or f"sqlite:///{path}"
        asyncio.run(fill(url, path, given.records))
        before = _resident()
        wall, cpu = time.perf_counter(), time.process_time()
        with rare_collection():
            result = asyncio.run(backtest(url, in_force, draft))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert result.queries == given.records
        print(f"records            {given.records}")
        print(f"policies           {given.policies}, {given.expressions} with an expression, {given.reached} of them reached")
        print(f"changed            {result.changed}")
        print(f"per core           {given.records / cpu:,.0f} records/s ({cpu / given.records * 1e6:.1f} µs each)")
        print(f"by the clock       {given.records / wall:,.0f} records/s")
        print(f"judges             {result.in_force_us} µs in force, {result.draft_us} µs draft")
        print(f"memory             {(_resident() - before) / 1e6:+.1f} MB")


if __name__ == "__main__":
    main()
