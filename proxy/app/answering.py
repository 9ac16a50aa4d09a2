"""What the admin application asks about the set in force: why a call is decided as it is, and how a rule is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import ValidationError

from proxy.app.explaining import NoSuchRecordError, as_json, current, of_record, recorded, row_views, told_of
from proxy.app.sets import RuleSet
from proxy.core.rules import Bundle, Rule
from proxy.core.terms import Clause, Models
from proxy.documents.checking import invalid
from proxy.ledger.store import Store
from proxy.policy.cases import Given, Site, call_of
from proxy.policy.suite import ENDING
from proxy.settings.shipped import policies_folder

TRAINING = "train.general"
_MOST_TEXT = 256 * 1024


class Told(Protocol):
    """What is in force: sections of the snapshot, and the clauses of the terms."""

    @property
    def section(self) -> Callable[[str], Mapping[str, Any]]:
        """The entries of a section by name."""
        ...

    @property
    def clauses(self) -> Callable[[], Sequence[Clause]]:
        """All of them."""
        ...


def rules_of(in_force: Told) -> RuleSet:
    """The set in force, as the snapshot has it."""
    return RuleSet(
        dict(in_force.section("rule")),
        dict(in_force.section("terms")),
        in_force.section("models").get("models", Models()),
        dict(in_force.section("adoption")),
        in_force.section("bundle").get("bundle", Bundle()),
    )


async def answer(
    store: Store, in_force: Told, record: str | None, described: Mapping[str, Any] | None, at: int | None
) -> dict[str, Any]:
    """Why a record, or a call by the names of expressions, is decided as it is: as `tos-proxy policy explain --json` says it.

    Raises: KeyError (no such record), ValueError (the call cannot be read), StoreUnavailableError.
    """
    rules, clauses = rules_of(in_force), in_force.clauses()
    if record is not None:
        try:
            told = as_json(await of_record(store, record, rules, clauses, at))
            return told | {"training": await _as_training(store, record, rules, clauses, at)}
        except NoSuchRecordError:
            raise KeyError(record) from None
    moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at / 1_000_000, UTC)
    try:
        given = Given.model_validate({"on": moment.isoformat(), **(described or {})})
    except ValidationError as error:
        raise ValueError("; ".join(str(problem) for problem in invalid(error, Given, lambda _path, _of_key: ""))) from None
    sites = {
        name: Site(urlsplit(each.base_url).hostname or "", each.dialect, each.contract, each.model_licence)
        for name, each in in_force.section("upstream").items()
    }
    named = given.model_fields_set
    if sites and "upstream" in named and "host" not in named and given.upstream not in sites:
        raise ValueError(f"no upstream is named {given.upstream!r}; there are {', '.join(sorted(sites))}")
    return as_json(told_of(call_of(given, sites, rules.terms.judge), rules, clauses))


async def _as_training(store: Store, record: str, rules: RuleSet, clauses: Sequence[Clause], at: int | None) -> dict[str, Any]:
    """What the terms say of the same call with the purpose of training, whatever its own is."""
    call, entry = await recorded(store, record)
    call.purpose, call.at = TRAINING, entry.at if at is None else at
    verdict = rules.terms.judge(call)
    rows = row_views(rules.terms, call, clauses, current(rules.adoptions, rules.rows))
    return {"purpose": TRAINING, "verdict": verdict.verdict, "basis": verdict.basis, "rows": rows}


def texts(rule: Rule) -> tuple[str | None, str | None]:
    """The text of a rule's policy, and of the tests beside it; None for what is not at hand."""
    pack, slash, name = rule.name.rpartition("/")
    file = policies_folder("packs") / pack / f"{name}.yaml" if slash else Path(rule.source.partition(":")[0])
    return _text(file), _text(file.with_name(f"{file.stem}{ENDING}{file.suffix}"))


def _text(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_TEXT).decode("utf-8", "replace") if file.suffix in {".yaml", ".yml"} else None
    except (OSError, ValueError):
        return None
