"""`tos-proxy case list|show|decide`: what was found about whom, and what is decided about it."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from proxy.cli.api import call
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.tables import counted, print_table

NameArgument = Annotated[str, typer.Argument(help="Id of the case or the finding.")]

_PAGE = 500
_FINDING = "fnd_"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Findings and cases: list, show, decide.", no_args_is_help=True)
    for command in (list_, show, decide):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="case")


def list_(
    state: Annotated[str | None, typer.Option(help="open, assigned, decided or closed; of findings open or decided.")] = None,
    findings: Annotated[
        bool, typer.Option("--findings", help="Findings, also those that no case holds, instead of cases.")
    ] = False,
    kind: Annotated[str | None, typer.Option(help="Of findings: extraction, question, terms or integrity.")] = None,
    principal: Annotated[str | None, typer.Option(help="About whom.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """List cases, or findings, newest first.

    \b
    Examples:
      tos-proxy case list --state open
      tos-proxy case list --findings --kind question --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    if kind is not None and not findings:
        raise typer.BadParameter("--kind is of findings: add --findings")
    wanted = {"state": state, "kind": kind, "principal" if findings else "subject": principal}
    items = _pages("findings" if findings else "cases", {name: value for name, value in wanted.items() if value}, limit)
    if json_:
        print(json.dumps(items, indent=2))
    elif findings:
        heads = ("id", "raised", "kind", "severity", "about", "times", "state", "what")
        print_table(heads, [_finding_row(item) for item in items])
    else:
        heads = ("id", "opened", "severity", "about", "state", "whose", "open", "of")
        print_table(heads, [_case_row(item) for item in items])


def _pages(resource: str, wanted: dict[str, str], limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while len(items) < limit:
        asked = urlencode({**wanted, **cursor, "limit": min(_PAGE, limit - len(items))})
        page = call("GET", f"/{resource}?{asked}")
        items += page["items"]
        if not page["next_cursor"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    return items


def _finding_row(item: dict[str, Any]) -> tuple[object, ...]:
    state = item["decision"] if item["state"] == "decided" else item["state"]
    return (
        item["id"],
        _day(item["at"]),
        item["kind"],
        item["severity"],
        item["principal"] or "-",
        item["count"],
        state,
        item["title"],
    )


def _case_row(item: dict[str, Any]) -> tuple[object, ...]:
    state = item["decision"] if item["state"] == "decided" else item["state"]
    counts = item["open_findings"], item["findings"]
    return (item["id"], _day(item["opened_at"]), item["severity"], item["subject"], state, item["assignee"] or "-", *counts)


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1_000_000, UTC):%Y-%m-%d %H:%M}"


def show(name: NameArgument, config: ConfigOption = None, data_dir: DataDirOption = None, json_: JsonOption = False) -> None:
    """Show a case with its findings, or one finding: the evidence, and what was done so far.

    \b
    Examples:
      tos-proxy case show case_019a0b1c2d3e4f5061728394a5b6c7d8
      tos-proxy case show fnd_019a0b1c2d3e4f5061728394a5b6c7d8 --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    if name.startswith(_FINDING):
        item = call("GET", f"/findings/{quote(name, safe='')}")
        _print(item, [], json_)
        return
    item = call("GET", f"/cases/{quote(name, safe='')}")
    found = _pages("findings", {"case_id": name}, _PAGE)
    _print(item, found, json_)


def _print(item: dict[str, Any], found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(item | ({"items": found} if "subject" in item else {}), indent=2))
        return
    if "subject" in item:
        state = f"{item['state']} {item['decision']}".strip()
        print(
            f"{item['id']}  {item['subject_kind']} {item['subject']}: {state}, {item['open_findings']} of {item['findings']} open"
        )
    for one in found if "subject" in item else [item]:
        _print_finding(one)
    for event in item["events"]:
        print(f"  {_day(event['at'])}  {event['event']}{_told(event)}")


def _print_finding(one: dict[str, Any]) -> None:
    state = one["decision"] if one["state"] == "decided" else one["state"]
    print(f"\n{one['id']}  {one['severity']} {one['kind']}, {state}, {counted(one['count'], 'time')}: {one['title']}")
    for sentence in one["sentences"]:
        print(f"  {sentence}")
    for sentence in one["exculpatory"]:
        print(f"  for it: {sentence}")
    if one["clauses"]:
        print(f"  clauses: {' '.join(one['clauses'])}")
    if one["first_record"]:
        print(f"  records: {one['first_record']} ({_day(one['first_at'])}) to {one['last_record']} ({_day(one['last_at'])})")


def _plain(text: str) -> str:
    """Words of people, on one line and without what a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in text)


def _told(event: dict[str, Any]) -> str:
    what = event["detail"].get("decision") or event["detail"].get("assignee") or ""
    return "".join(
        f"{before}{text}" for before, text in ((" ", what), (" by ", event["by"]), (": ", _plain(event["note"]))) if text
    )


def decide(  # noqa: PLR0913, PLR0917 - each is an option of the command
    name: NameArgument,
    decision: Annotated[str, typer.Argument(help="dismissed, confirmed, exempt or needs_answer.")],
    until: Annotated[str | None, typer.Option(help="Of exempt: the day it ends, as 2027-01-31.")] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Of a group's case: a member for whom it is not decided.")] = None,
    note: Annotated[str, typer.Option(help="Why. It goes into the ledger, where nothing is erased.")] = "",
    by: Annotated[str | None, typer.Option(help="Who decides; else the name of this user.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Decide a case with all that is open in it, or one finding.

    \b
    Examples:
      tos-proxy case decide fnd_019a0b1c2d3e4f5061728394a5b6c7d8 needs_answer --note "asked by mail"
      tos-proxy case decide case_019a0b1c2d3e4f5061728394a5b6c7d8 exempt --until 2027-01-31 --by ann
      tos-proxy case decide case_019a0b1c2d3e4f5061728394a5b6c7d8 confirmed --leave-out account-7 --leave-out account-9
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    if leave_out and name.startswith(_FINDING):
        raise typer.BadParameter("a finding is about one principal: leave out members of a case", param_hint="--leave-out")
    body: dict[str, Any] = {"decision": decision, "note": note, "by": by if by is not None else _user()} | (
        {"until": until} if until else {}
    )
    body |= {"leave_out": leave_out} if leave_out else {}
    path = f"/findings/{quote(name, safe='')}/decision" if name.startswith(_FINDING) else f"/cases/{quote(name, safe='')}/decide"
    item = call("POST", path, body)
    print(json.dumps(item, indent=2) if json_ else f"{item['id']}: {item['state']}, {item['decision']}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in a container
        return ""
