"""What `tos-proxy demo` shows in the end: the records by principal, one of them opened, and the count."""

from __future__ import annotations

import json
from collections import Counter
from http.client import BAD_REQUEST
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 100

Record = dict[str, Any]


def carried(record: Record) -> str:
    """What an exchange brought besides itself: queries in its body, turns of its session, results in its answer; or nothing."""
    counts = {"queries": record["lines"], "turns": record["turns"], "results": (record["result_of"] or {"lines": 0})["lines"]}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def rows(records: list[Record], order: list[str]) -> list[tuple[str, ...]]:
    """Records that say the same share a row: principal, purpose, what was asked, model, how many, what they carried, their end."""
    alike: Counter[tuple[str, ...]] = Counter()
    for record in sorted(records, key=lambda record: order.index(record["principal"])):
        asked = f"{record['upstream']} {record['endpoint']}"
        ended = str(record["status"]) if record["outcome"] == "completed" else f"{record['status']} {record['outcome']}"
        alike[record["principal"], record["purpose"], asked, record["model_requested"], carried(record), ended] += 1
    return [(*row[:4], str(count), *row[4:]) for row, count in alike.items()]


def table(records: list[Record], order: list[str], *, wide: bool) -> Table:
    """The rows; a principal is named once."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("principal", "purpose", "asked", *(["model"] if wide else []), "times", "with", "ended"):
        shown.add_column(name, no_wrap=True, justify="right" if name == "times" else "left")
    before = ""
    for row in rows(records, order):
        who = row[:2] if row[0] != before else ("", "")
        before = row[0]
        good = row[-1].isdigit() and int(row[-1]) < BAD_REQUEST
        shown.add_row(*map(Text, (*who, row[2], *(row[3:4] if wide else ()), *row[4:])), style="" if good else "yellow")
    return shown


def opened(carrier: Record, line: Record) -> list[tuple[str, str]]:
    """Ids and what they are: a batch file, the first of its queries, and the download that brought its answer."""
    asked = json.loads(line["content"])["body"]["messages"][-1]["content"]
    return [
        (carrier["id"], f"a file of {carrier['lines']} queries ({carrier['principal']})"),
        (line["id"], f"its first: {asked}"),
        (line["result"], "the download that answers it"),
    ]


def referring(record: Record) -> list[tuple[str, str]]:
    """Ids and what they are: a call, and what it referred to, which was known before it went out."""
    known = [refer for refer in record["evidence"]["intent"].get("refers", []) if "record" in refer]
    calls = [(record["id"], f"previous_response_id ({record['principal']})")] if known else []
    return calls + [(refer["record"], f"where it goes on from ({refer['purpose']})") for refer in known]


def count(records: list[Record], *, sent: int, seen: int, seconds: float) -> str:
    """The closing line."""
    inside = sum(record["lines"] for record in records)
    turns = sum(record["turns"] for record in records)
    missing = max(0, seen - len(records))
    return (
        f"{sent} requests sent, {seen} seen upstream, {len(records)} recorded, {missing} without a record; "
        f"inside them {inside} queries of batches and {turns} turns, each with a record of its own. {seconds:.0f} s."
    )


def show(records: list[Record], line: Record, order: list[str], *, sent: int, seen: int, seconds: float) -> None:
    """Print it all; `line` is the first of the first batch file."""
    console = Console()
    console.print(table(records, order, wide=console.width >= _WIDE))
    carrier = next(record for record in records if record["endpoint"] == "file_upload")
    console.print("[bold]Some of them, opened[/bold]")
    for identifier, what in [
        *opened(carrier, line),
        *(pair for record in records for pair in referring(record) if _responds(record)),
    ]:
        console.print(Text(f"{identifier}  {what}", style="dim"), overflow="ellipsis", no_wrap=True)
    console.print(f"\n{count(records, sent=sent, seen=seen, seconds=seconds)}", highlight=False)


def _responds(record: Record) -> bool:
    return bool(record["endpoint"] == "responses")
