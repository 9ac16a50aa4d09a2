"""`tos-proxy principal`: who may ask, with a virtual key of the proxy; how they stand, and what ties them."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from proxy.cli.api import call
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.principal_standing import import_, standing
from proxy.cli.tables import print_table
from proxy.settings.units import seconds

NameArgument = Annotated[str, typer.Argument(help="Name of the principal.")]
_PAGE = 500


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Who may ask: add, list, rotate keys, suspend; how they stand.", no_args_is_help=True)
    for command in (add, list_, rotate, limit, suspend, standing, import_):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="principal")


def add(  # noqa: PLR0913, PLR0917 - one argument per option
    name: NameArgument,
    purpose: Annotated[list[str] | None, typer.Option(help="Purpose its calls may declare; repeat for several.")] = None,
    default: Annotated[str | None, typer.Option(help="Purpose of calls that declare none.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="name=value; repeat for several.")] = None,
    project: Annotated[str | None, typer.Option(help="Project it belongs to.")] = None,
    content: Annotated[str, typer.Option(help="full, or digests to keep no bodies.")] = "full",
    limit: Annotated[list[str] | None, typer.Option(help="kind=amount, as requests=60/m; repeat for several.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Add a principal; its virtual key is printed once.

    \b
    Examples:
      tos-proxy principal add shop-chat --purpose use.product
      tos-proxy principal add lab --purpose eval.private --purpose research.academic --default eval.private
      tos-proxy principal add nightly --purpose use.data_ops --limit requests=60/m --limit concurrent=8
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    body: dict[str, Any] = {"name": name, "purposes": purpose or [], "purpose": default, "project": project, "content": content}
    body["attributes"] = dict(_pair(each) for each in attribute or [])
    body["limits"] = _limits(limit or [])
    _print_with_key(call("POST", "/principals", body), json_)


def _pair(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{written!r} should be name=value")
    return name, value


def _limits(written: list[str]) -> dict[str, int | str]:
    """What stands for a number is one: of `concurrent`."""
    return {kind: int(amount) if amount.isdecimal() else amount for kind, amount in map(_pair, written)}


def list_(config: ConfigOption = None, data_dir: DataDirOption = None, json_: JsonOption = False) -> None:
    """List principals, configured and added.

    \b
    Examples:
      tos-proxy principal list
      tos-proxy principal list --json
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = call("GET", f"/principals?limit={_PAGE}" + (f"&cursor={quote(cursor)}" if cursor else ""))
        items += page["items"]
        cursor = page.get("next_cursor") or ""
        if not cursor:
            break
    if json_:
        print(json.dumps(items, indent=2))
        return
    heads = ("name", "source", "purpose", "may declare", "standing", "keys")
    print_table(heads, [_row(item) for item in items])


def _row(item: dict[str, Any]) -> tuple[object, ...]:
    others = " ".join(each for each in item["purposes"] if each != item["purpose"])
    keys = " ".join(key["shown"] for key in item["keys"])
    return item["name"], item["source"], item["purpose"], others or "-", item["standing"], keys or "-"


def rotate(
    name: NameArgument,
    grace: Annotated[str, typer.Option(help="How long the old key goes on, as 15m or 2d.")] = "0s",
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Make a new virtual key, printed once; the old one ends after the grace.

    \b
    Examples:
      tos-proxy principal rotate shop-chat
      tos-proxy principal rotate shop-chat --grace 1d
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    try:
        body = {"grace_seconds": int(seconds(grace))}
    except ValueError as error:
        raise typer.BadParameter(f"--grace {error}") from None
    _print_with_key(call("POST", f"/principals/{quote(name, safe='')}/rotate", body), json_)


def limit(
    name: NameArgument,
    limits: Annotated[list[str] | None, typer.Argument(help="kind=amount, as requests=60/m; none for what all have.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Say how much an added principal may ask, in place of what `limits.principal` allows each.

    \b
    Examples:
      tos-proxy principal limit shop-chat requests=60/m tokens=100k/h concurrent=8
      tos-proxy principal limit shop-chat
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    item = call("PUT", f"/principals/{quote(name, safe='')}/limits", {"limits": _limits(limits or [])})
    told = ", ".join(f"{kind} {amount}" for kind, amount in item["limits"].items())
    print(json.dumps(item, indent=2) if json_ else f"{item['name']}: {told or 'no limits of its own'}")


def suspend(
    name: NameArgument,
    lift: Annotated[bool, typer.Option("--lift", help="Take its calls again.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Refuse the principal's calls from now on, or take them again.

    \b
    Examples:
      tos-proxy principal suspend shop-chat
      tos-proxy principal suspend shop-chat --lift
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    settle(config, data_dir)
    item = call("POST", f"/principals/{quote(name, safe='')}/{'resume' if lift else 'suspend'}")
    print(json.dumps(item, indent=2) if json_ else f"{item['name']}: {item['standing']}")


def _print_with_key(item: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(item, indent=2))
        return
    print(f"{item['name']}: {item['purpose']}")
    print(f"key, shown this once: {item['key']}")
    print("It goes where the provider's key went, and works at once where the proxy has that key to lend: in OPENAI_API_KEY,")
    print("ANTHROPIC_API_KEY … (or what the upstream's api_key_env names) of the environment that it was started in.")
