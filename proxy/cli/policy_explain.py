"""`tos-proxy policy explain`: which terms and rules decide about a call, which do not, and why."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle

if TYPE_CHECKING:
    from proxy.app.explaining import Told
    from proxy.app.sets import RuleSet
    from proxy.cli.curl import Asked
    from proxy.core.call import Call
    from proxy.core.exchange import Caller
    from proxy.policy.cases import Given
    from proxy.settings.compiling import Compiled

Setting = Annotated[
    list[str] | None, typer.Option("--set", help="Any other name of a call: n=5, logprobs=true, terms.verdict=forbid.")
]
_WIDE = 200
"""Columns where nobody looks at a terminal."""


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(explain)


def explain(  # noqa: PLR0913, PLR0917 - one parameter an option
    what: Annotated[list[str] | None, typer.Argument(help="A record id, or, behind --, a curl command.")] = None,
    request: Annotated[Path | None, typer.Option(help="File with a curl command or an HTTP message.")] = None,
    upstream: Annotated[str | None, typer.Option(help="Name of the upstream.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="The dialect's word: chat, messages, batch_line …")] = None,
    model: Annotated[str | None, typer.Option(help="Model that is asked for.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Declared purpose.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="Attribute of the principal: distributed=true.")] = None,
    principal: Annotated[str | None, typer.Option(help="Who asks: a configured principal, or any name.")] = None,
    on: Annotated[str | None, typer.Option(help="Date or time of the call; today, or the record's own.")] = None,
    setting: Setting = None,
    draft: Annotated[list[Path] | None, typer.Option(help="Policies laid over those in force, as policy check takes them.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Show what decides about a call: rows and clauses of the terms, and every rule with what matched or did not.

    A record is judged anew by the set in force, and what differs from what was recorded is told. A request is read as the gateway
    would read it; nothing is sent. Otherwise the options describe a call. Exit 0; 1 where there is nothing to judge (no such
    record, a request that the gateway refuses before anybody judges it); 2 for wrong usage.

    \b
    Examples:
      tos-proxy policy explain rec_019a2b3c4d5e6f708192a3b4c5d6e7f8
      tos-proxy policy explain -- curl http://127.0.0.1:8080/openai/v1/chat/completions -H "authorization: Bearer $KEY" -d @body
      tos-proxy policy explain --request request.http --principal research
      tos-proxy policy explain --upstream openai --model gpt-4.1 --purpose train.general --on 2026-11-22 --set n=5
      tos-proxy policy explain --draft policies/few-samples.yaml --upstream openai --purpose eval.private --set n=5
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.app.sets import entries_in_force
    from proxy.settings.compiling import compile_configuration

    settle(config, data_dir)
    given = _given(
        {"upstream": upstream, "endpoint": endpoint, "model": model, "purpose": purpose, "on": on}, principal, attribute, setting
    )
    compiled = compile_configuration(os.environ, make=False, unset_keys=True)
    entries = [*entries_in_force(compiled.settings.data_dir, compiled.entries), *_drafted(draft)]
    _print(_explanation(what or [], request, given, compiled, entries), json_=json_)


def _explanation(words: list[str], request: Path | None, given: dict[str, Any], compiled: Compiled, entries: list[bytes]) -> Told:
    """Of a request, a record, or a call that options describe."""
    if request is not None or words[:1] == ["curl"] or len(words) > 1:
        from proxy.cli.curl import NotARequestError, from_arguments, from_file

        try:
            asked = from_file(request.read_bytes()) if request is not None else from_arguments(words)
            return _of_request(asked, given, compiled, entries)
        except NotARequestError as error:
            raise typer.BadParameter(str(error)) from None
        except OSError as error:
            raise typer.BadParameter(f"{error.filename}: {error.strerror}") from None
    return _of_record(words[0], given, compiled, entries) if words else _of_flags(given, compiled, entries)


def _print(told: Told, *, json_: bool) -> None:
    from rich.console import Console

    from proxy.app.explaining import as_json
    from proxy.cli.explained import tree

    if json_:
        print(json.dumps(as_json(told), indent=2, ensure_ascii=False))
    else:
        Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE).print(tree(told))


def _given(
    plain: dict[str, Any], principal: str | None, attributes: list[str] | None, settings: list[str] | None
) -> dict[str, Any]:
    """What the options say of a call, as a case of a test would say it."""
    given = {name: value for name, value in plain.items() if value is not None}
    for word in settings or []:
        name, equals, value = word.partition("=")
        if not equals:
            raise typer.BadParameter(f"{word!r} should be name=value", param_hint="--set")
        try:
            _set(given, name.split("."), json.loads(value))
        except ValueError:
            _set(given, name.split("."), value)
    for word in attributes or []:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{word!r} should be name=value", param_hint="--attribute")
        _set(given, ["attributes", name], value)
    if principal is not None:
        _set(given, ["principal", "name"], principal)
    _checked(given)
    return given


def _set(given: dict[str, Any], path: list[str], value: Any) -> None:
    inner = given
    for part in path[:-1]:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise typer.BadParameter(f"{part} cannot have both a value and parts", param_hint="--set")
    inner[path[-1]] = value


def _checked(given: dict[str, Any]) -> Given:
    from pydantic import ValidationError

    from proxy.documents.checking import invalid
    from proxy.policy.cases import Given as Model

    try:
        found: Given = Model.model_validate(given)
    except ValidationError as error:
        told = [str(problem) for problem in invalid(error, Model, lambda _path, _of_key: "")]
        raise typer.BadParameter("; ".join(told)) from None
    return found


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _drafted(paths: list[Path] | None) -> list[bytes]:
    """Entries that lay drafts over a set; what comes of it has no digest. Raises: ConfigurationError for unusable files."""
    if not paths:
        return []
    from proxy.app.drafts import drafts
    from proxy.core import snapshot
    from proxy.core.rules import Bundle
    from proxy.documents.problems import ConfigurationError

    found = drafts(paths, 0)
    if found.problems:
        raise ConfigurationError(found.problems)
    return [*(snapshot.put("rule", each.rule.name, each.rule) for each in found.placed), snapshot.put("bundle", "bundle", Bundle())]


def _told(call: Call, rules: RuleSet, compiled: Compiled, **more: Any) -> Told:
    from proxy.app.explaining import told_of

    return told_of(call, rules, compiled.terms.clauses, **more)


def _of_flags(given: dict[str, Any], compiled: Compiled, entries: list[bytes]) -> Told:
    """A call that the options describe; a configured principal brings its purpose and attributes."""
    from proxy.app.sets import set_of
    from proxy.app.sites import sites
    from proxy.cli.catalogues import unknown, warn_of_unread
    from proxy.policy.cases import call_of
    from proxy.settings.policies import words

    for what, names in (("upstream", () if "host" in given else compiled.settings.upstreams), ("endpoint", words()["endpoint"])):
        if names and given.get(what, next(iter(names))) not in names:
            raise unknown(what, given[what], names)
    rules = set_of(entries)
    warn_of_unread(given.get("attributes", ()), rules.rows.values(), rules.rules.values())
    known = {each.name: each for each in compiled.principals}
    whom = known.get(given.get("principal", {}).get("name", ""))
    if whom is not None:
        given = {"purpose": whom.purpose, **given, "attributes": {**whom.attributes, **given.get("attributes", {})}}
        given["principal"] = {"purposes": whom.purposes, "project": whom.project, **given["principal"]}
    call = call_of(_checked({"on": _today(), **given}), sites(compiled.settings, compiled.terms), rules.terms.judge)
    return _told(call, rules, compiled)


def _of_record(record: str, given: dict[str, Any], compiled: Compiled, entries: list[bytes]) -> Told:
    """A recorded call, judged by the set in force now."""
    from proxy.policy.cases import instant

    if unused := sorted(set(given) - {"on"}):
        raise typer.BadParameter(f"a record says itself what was asked ({', '.join(unused)})")
    at = instant(_checked(given).on or "") if "on" in given else None
    return asyncio.run(_explained(record, compiled, entries, at))


async def _explained(record: str, compiled: Compiled, entries: list[bytes], at: int | None) -> Told:
    from proxy.app.explaining import NoSuchRecordError, of_record
    from proxy.app.sets import set_of
    from proxy.cli.api import ApiError
    from proxy.ledger.store import Store
    from proxy.settings.compiling import running

    store = await Store.look(running(compiled.settings).store_url)
    try:
        return await of_record(store, record, set_of(entries), compiled.terms.clauses, at)
    except NoSuchRecordError as error:
        raise ApiError(str(error)) from None
    finally:
        await store.close()


def _of_request(asked: Asked, given: dict[str, Any], compiled: Compiled, entries: list[bytes]) -> Told:
    """A request as the gateway would read it."""
    from proxy.app.rehearsing import rehearsed
    from proxy.app.sets import set_of
    from proxy.cli.catalogues import warn_of_unread
    from proxy.cli.curl import target_of
    from proxy.policy.cases import instant
    from proxy.settings.identity import identity_key

    if unused := sorted(set(given) - {"on", "purpose", "principal", "attributes"}):
        raise typer.BadParameter(f"a request says itself what is asked ({', '.join(unused)})")
    checked = _checked({"on": _today(), **given})
    target = target_of(asked.url, {name: upstream.base_url for name, upstream in compiled.settings.upstreams.items()})
    head = asked.message(target)
    key = identity_key(compiled.settings.data_dir, os.environ, make=False)
    rehearsal = rehearsed(head, asked.body or b"", entries, key, instant(checked.on or ""), _as(asked, given, compiled))
    rules = set_of(entries)
    warn_of_unread(given.get("attributes", ()), rules.rows.values(), rules.rules.values())
    carried = dict(Counter(effect for effect, _ in rehearsal.carried))
    inner = None if rehearsal.strictest is None else _told(rehearsal.strictest, rules, compiled)
    return _told(rehearsal.call, rules, compiled, carried=carried, strictest=inner)


def _as(asked: Asked, given: dict[str, Any], compiled: Compiled) -> Callable[[Caller], Caller]:
    """Who is taken for the caller: whom the credential names, but for what the options say otherwise."""
    import msgspec

    from proxy.core.exchange import Caller as Made
    from proxy.core.principal import Principal

    known = {each.name: each for each in compiled.principals}
    header = next((value for name, value in asked.fields if name.lower() == "x-tos-purpose"), None)
    named: str | None = given.get("principal", {}).get("name")

    def instead(caller: Caller) -> Caller:
        principal = caller.principal if named is None else known.get(named) or Principal(named)
        principal = msgspec.structs.replace(principal, attributes={**principal.attributes, **given.get("attributes", {})})
        purpose = given.get("purpose") or (principal.purpose if header is None else header)
        allowed = "purpose" in given or (named is not None and (header is None or header in principal.purposes))
        refused = None if allowed else caller.refused
        return Made(principal, caller.credential, purpose, source=caller.source, inject=caller.inject, refused=refused)

    return instead
