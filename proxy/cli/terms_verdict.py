"""`tos-proxy terms verdict`: what the terms say of a call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.cli.catalogues import Known, instant, known, purpose, unknown, warn_of_unread
from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle

if TYPE_CHECKING:
    from proxy.core.call import Call

_PLANS = ("api_key", "oauth_subscription", "coding_plan")


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(verdict)


def verdict(  # noqa: PLR0913, PLR0917 - one argument per option
    upstream: Annotated[str | None, typer.Option(help="A configured upstream; its contract counts.")] = None,
    contract: Annotated[str | None, typer.Option(help="A row of the terms, in place of an upstream.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name as the call would say it.")] = None,
    of_purpose: Annotated[str, typer.Option("--purpose", help="The declared purpose.")] = "undeclared",
    attribute: Annotated[list[str] | None, typer.Option(help="name=value of the principal; repeat for several.")] = None,
    plan: Annotated[str, typer.Option(help="Of the credential: api_key, oauth_subscription, coding_plan.")] = "",
    licence: Annotated[str, typer.Option(help="The model's licence, as an upstream's model_licence.")] = "",
    on: Annotated[str | None, typer.Option("--on", help="The day of the call; now if not given.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Judge a call by the terms: the verdict, and what each row that took part says. Exit 1 for forbid.

    \b
    Examples:
      tos-proxy terms verdict --upstream openai --model gpt-5 --purpose train.general
      tos-proxy terms verdict --contract aws.bedrock --purpose train.classifier_internal --on 2026-01-22
      tos-proxy terms verdict --upstream openai --purpose train.classifier_internal --attribute distributed=false
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    from proxy.terms.verdict import TermsJudge

    settle(config, data_dir)
    found = known()
    if (upstream is None) == (contract is None):
        raise typer.BadParameter("name an --upstream or a --contract")
    if plan and plan not in _PLANS:
        raise unknown("plan", plan, _PLANS)
    for row in (contract, licence):
        if row and row not in found.terms.rows:
            raise unknown("row", row, found.terms.rows)
    purpose(of_purpose)
    attributes = dict(_pair(each) for each in attribute or [])
    warn_of_unread(attributes, found.terms.rows.values())
    call = _call(found, upstream, contract, (model, of_purpose, plan, licence), attributes, instant(on))
    judge = TermsJudge(found.terms.rows, found.terms.models, adoptions=found.adoptions)
    told = _told(judge, call)
    if json_:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _print(told)
    raise typer.Exit(1 if told["verdict"] == "forbid" else 0)


def _pair(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{written!r} should be name=value")
    return name, value


def _call(
    found: Known,
    upstream: str | None,
    contract: str | None,
    said: tuple[str | None, str, str, str],
    attributes: dict[str, str],
    at: int,
) -> Call:
    from urllib.parse import urlsplit

    from proxy.core.call import Call
    from proxy.core.facts import RequestFacts
    from proxy.core.principal import Credential, Principal

    model, declared, plan, licence = said
    host, dialect = "", "openai"
    if upstream is not None:
        if upstream not in found.settings.upstreams:
            raise unknown("upstream", upstream, found.settings.upstreams)
        configured = found.settings.upstreams[upstream]
        host, dialect = urlsplit(configured.base_url).hostname or "", configured.dialect
        contract, licence = found.terms.contracts[upstream], licence or configured.model_licence
    principal = Principal("someone", (declared,), declared, attributes)
    facts, credential = RequestFacts(model=model), Credential("none", "", plan)
    return Call(
        at,
        upstream or "",
        host,
        dialect,
        "",
        "POST",
        facts,
        principal,
        credential,
        declared,
        contract=contract or "",
        licence=licence,
    )


def _told(judge: Any, call: Call) -> dict[str, Any]:
    verdict = judge.judge(call)
    return {
        "verdict": verdict.verdict,
        "basis": verdict.basis,
        "purpose": call.purpose,
        "assumed": verdict.assumed or None,
        "clauses": list(verdict.clauses),
        "obligations": list(verdict.obligations),
        "confirmed": verdict.confirmed,
        "conflict": verdict.conflict,
        "version": judge.version,
        "rows": [
            {
                "row": part.row or None,
                "verdict": part.verdict,
                "basis": part.basis,
                "clauses": list(part.clauses),
                "obligations": list(part.obligations),
                "confirmed": part.confirmed,
                "conflict": part.conflict,
                "why": part.why or None,
            }
            for part in judge.parts(call)
        ],
    }


def _print(told: dict[str, Any]) -> None:
    marks = [told["basis"], "" if told["confirmed"] else "not confirmed", "CONFLICT" if told["conflict"] else ""]
    marks.append(f"judged as {told['assumed']}" if told["assumed"] else "")
    print(f"{told['verdict']}  ({', '.join(each for each in marks if each)})")
    for part in told["rows"]:
        why = f": {part['why']}" if part["why"] else ""
        print(f"  {part['row'] or 'no row'}  {part['verdict']} ({part['basis']}){why}")
        if part["clauses"]:
            print(f"    {', '.join(part['clauses'])}")
    for obligation in told["obligations"]:
        print(f"  duty: {obligation}")
