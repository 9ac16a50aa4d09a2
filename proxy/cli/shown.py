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

_WIDE = 120
_SHORT = {"allow_with_obligations": "obligations"}
_DENIED = "deny"

Record = dict[str, Any]


def carried(record: Record) -> str:
    """What an exchange brought besides itself: queries in its body, turns of its session, results in its answer; or nothing."""
    counts = {"queries": record["lines"], "turns": record["turns"], "results": (record["result_of"] or {"lines": 0})["lines"]}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def rows(records: list[Record], order: list[str]) -> list[tuple[str, ...]]:
    """Records that say the same share a row: principal, purpose, what was asked, model, how many, what they carried, what the terms
    said, what was decided, their end.
    """
    alike: Counter[tuple[str, ...]] = Counter()
    for record in sorted(records, key=lambda record: order.index(record["principal"])):
        asked = f"{record['upstream']} {record['endpoint']}"
        plain = record["outcome"] in {"completed", "refused"}
        ended = str(record["status"]) if plain else f"{record['status']} {record['outcome']}"
        said = _SHORT.get(record["verdict"], str(record["verdict"])), str(record["decision"])
        alike[record["principal"], record["purpose"], asked, str(record["model_requested"]), carried(record), *said, ended] += 1
    return [(*row[:4], str(count), *row[4:]) for row, count in alike.items()]


def table(records: list[Record], order: list[str], *, wide: bool) -> Table:
    """The rows; a principal is named once. Where there is room, also the model, what was carried and what the terms said."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    names = ("principal", "purpose", "asked", "model", "times", "with", "terms", "decision", "ended")
    shows = [at for at, name in enumerate(names) if wide or name not in {"model", "with", "terms"}]
    for name in (names[at] for at in shows):
        shown.add_column(name, no_wrap=True, justify="right" if name == "times" else "left")
    before = ""
    for row in rows(records, order):
        who = row[:2] if row[0] != before else ("", "")
        before = row[0]
        good = row[-1].isdigit() and int(row[-1]) < BAD_REQUEST
        whole = (*who, *row[2:])
        style = "" if good else "bold red" if _DENIED in row else "yellow"
        shown.add_row(*(Text(whole[at]) for at in shows), style=style)
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


def denied(records: list[Record]) -> list[tuple[str, str]]:
    """Ids of denied calls, and by which clauses each was, or rules where those rest on none."""
    return [
        (record["id"], f"denied by {', '.join(record['clauses'] or record['rules'])}")
        for record in records
        if record["decision"] == _DENIED
    ]


def count(records: list[Record], *, sent: int, seen: int, seconds: float) -> str:
    """The closing line."""
    inside = sum(record["lines"] for record in records)
    turns = sum(record["turns"] for record in records)
    missing = max(0, seen - len(records))
    return (
        f"{sent} requests sent, {len(denied(records))} denied, {seen} seen upstream, {len(records)} recorded, "
        f"{missing} without a record; "
        f"inside them {inside} queries of batches and {turns} turns, each with a record of its own. {seconds:.0f} s."
    )


def show(records: list[Record], line: Record, order: list[str], *, sent: int, seen: int, seconds: float) -> None:
    """Print it all; `line` is the first of the first batch file."""
    console = Console()
    console.print(table(records, order, wide=console.width >= _WIDE))
    carrier = next(record for record in records if record["endpoint"] == "file_upload")
    console.print("[bold]Some of them, opened[/bold]")
    for identifier, what in [
        *denied(records),
        *opened(carrier, line),
        *(pair for record in records for pair in referring(record) if _responds(record)),
    ]:
        console.print(Text(f"{identifier}  {what}", style="dim"), overflow="ellipsis", no_wrap=True)
    console.print(f"\n{count(records, sent=sent, seen=seen, seconds=seconds)}", highlight=False)


def _responds(record: Record) -> bool:
    return bool(record["endpoint"] == "responses")
