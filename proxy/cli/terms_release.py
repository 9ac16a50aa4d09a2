"""`tos-proxy terms release`: may these answers be used for that, by the terms of the day on which they were asked for?"""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy.cli.options import ConfigOption, DataDirOption, JsonOption, settle
from proxy.cli.tables import print_table

if TYPE_CHECKING:
    from proxy.app.sets import RuleSet
    from proxy.ledger.store import Store
    from proxy.provenance.releasing import Input, Released
    from proxy.provenance.rows import Row

WhatArgument = Annotated[list[str] | None, typer.Argument(metavar="IDS|FILE", help="Record ids, or one file of rows.")]


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(release)


def release(  # noqa: PLR0913, PLR0917 - one argument per option
    what: WhatArgument = None,
    purpose: Annotated[str, typer.Option(help="What the answers are to be used for, as train.general.")] = "",
    attribute: Annotated[list[str] | None, typer.Option(help="name=value of the new use, as distributed=false; repeat.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Write a signed manifest of the rows that pass here.")] = None,
    by: Annotated[str, typer.Option(help="Who releases; the account's name if not said.")] = "",
    check: Annotated[Path | None, typer.Option(help="Verify a manifest, and that a file holds nothing else, offline.")] = None,
    key: Annotated[str, typer.Option(help="With --check: the public key that must have signed it, ed25519:…")] = "",
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json_: JsonOption = False,
) -> None:
    """Judge answers for another purpose, by the terms under which they were asked for. Exit 1 when any row does not pass.

    FILE holds JSON objects, one a line, each with the x-tos-record that its answer came with (docs/release.md), or bare record ids.
    Every release is recorded in the ledger; the manifest of the rows that pass is signed with a key made at the first release.

    \b
    Examples:
      tos-proxy terms release --purpose train.general set.jsonl --manifest set.release.json
      tos-proxy terms release --purpose train.classifier_internal --attribute distributed=false rec_…
      tos-proxy terms release --check set.release.json set.jsonl --key ed25519:…
    """  # noqa: D301 - a backspace keeps the lines below it as they are
    if check is not None:
        file = Path(what[0]) if what else None
        _readable(check, file)
        raise typer.Exit(_check(check, file, key, json_=json_))
    from proxy.core.principal import PURPOSES, UNDECLARED

    if purpose not in PURPOSES or purpose == UNDECLARED:
        known = ", ".join(each for each in PURPOSES if each != UNDECLARED)
        raise typer.BadParameter(f"--purpose should be one of {known}")
    if not what:
        raise typer.BadParameter("name record ids, or a file of rows")
    attributes = dict(_pair(each) for each in attribute or [])
    if _is_file(what):
        _readable(Path(what[0]))
    settle(config, data_dir)
    released, told, key = asyncio.run(_release(what, purpose, attributes, by or _user(), signs=manifest is not None))
    if manifest is not None:
        manifest.write_bytes(told)
    _print(released, purpose, manifest, key, json_=json_)
    raise typer.Exit(0 if released.passed and not released.held_rows else 1)


def _readable(*files: Path | None) -> None:
    for file in files:
        if file is not None and (file.is_dir() or not file.exists()):
            raise typer.BadParameter(f"{file} is {'a folder' if file.is_dir() else 'not there'}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in a container
        raise typer.BadParameter("who releases? This user has no name: say it by --by") from None


def _pair(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{written!r} should be name=value")
    return name, value


async def _release(
    what: list[str], purpose: str, attributes: dict[str, str], by: str, *, signs: bool
) -> tuple[Released, bytes, str]:
    """What came of it, the signed manifest (empty unless it `signs`), and the public key. It is on record when this returns."""
    from proxy.app.marks import record_mark
    from proxy.app.sets import in_force
    from proxy.cli.catalogues import warn_of_unread
    from proxy.core.clock import SystemClock
    from proxy.core.errors import TosProxyError
    from proxy.ledger.store import Store
    from proxy.provenance import manifest as signing
    from proxy.provenance.releasing import manifest
    from proxy.settings.compiling import compile_configuration, running

    compiled = compile_configuration(os.environ, make=True, unset_keys=True)
    at = running(compiled.settings)
    rules = in_force(at.data_dir, compiled.entries)
    if not rules.rows:
        raise TosProxyError("no terms are in force here, so nothing can be released by them")
    warn_of_unread(attributes, rules.rows.values())
    store = await Store.look(at.store_url)
    try:
        released, given = await _cleared(store, rules, what, purpose, attributes)
    finally:
        await store.close()
    named = {"purpose": purpose, "attributes": attributes, "terms": rules.models.version, "by": by}
    told = manifest(released, given, named, SystemClock.utc_us())
    key = signing.signing_key(at.data_dir)
    file = signing.signed(told, key) if signs else b""
    await record_mark(at, "release", _mark(told, file, signing.public(key)))
    return released, file, signing.public(key)


async def _cleared(
    store: Store, rules: RuleSet, what: list[str], purpose: str, attributes: dict[str, str]
) -> tuple[Released, Input]:
    from proxy.provenance import manifest as signing
    from proxy.provenance import releasing
    from proxy.provenance.release import Release

    def progress(rows: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{rows} rows ", end="", file=sys.stderr, flush=True)

    judge = Release(rules.terms, purpose, attributes)
    with _opened(what) as rows:
        released = await releasing.release(store, judge, rows, progress)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if _is_file(what):
        return released, releasing.Input(Path(what[0]).name, signing.digest(Path(what[0])))
    return released, releasing.Input("", hashlib.sha256("".join(f"{each}\n" for each in what).encode()).hexdigest())


def _is_file(what: list[str]) -> bool:
    return len(what) == 1 and not what[0].startswith("rec_")


@contextmanager
def _opened(what: list[str]) -> Iterator[Iterator[Row]]:
    """The rows of a file, or of ids given one by one. Raises: OSError, BadParameter."""
    from proxy.provenance.rows import rows

    if _is_file(what):
        with Path(what[0]).open("rb") as file:
            yield rows(file)
        return
    if strange := [each for each in what if not each.startswith("rec_")]:
        raise typer.BadParameter(f"{strange[0]} is no record id; name ids, or one file")
    yield rows(each.encode() for each in what)


def _mark(told: dict[str, Any], file: bytes, key: str) -> dict[str, str | int]:
    """What the ledger keeps of a release."""
    counts = told["counts"]
    return {
        "purpose": told["purpose"],
        "by": told["by"],
        "terms": told["terms"],
        "input": told["input"]["sha256"],
        "rows": counts["rows"],
        "passed": counts["passed"],
        "manifest": hashlib.sha256(file).hexdigest() if file else "",
        "key": key,
    }


def _print(released: Released, purpose: str, manifest: Path | None, key: str, *, json_: bool) -> None:
    held = [
        {
            "row": each.row,
            "record": each.record,
            "reason": each.reason.word,
            "text": each.reason.text,
            "clauses": list(each.reason.clauses),
            "rests_on": each.reason.record,
        }
        for each in released.held
    ]
    if json_:
        counts = {"rows": released.rows, "passed": len(released.passed), "held": released.held_rows}
        signed = {"manifest": str(manifest) if manifest else None, "key": key}
        print(json.dumps({"purpose": purpose, **counts, "reasons": held, "released": released.passed, **signed}, indent=2))
        return
    if held:
        print_table(("row", "record", "reason", "clauses", ""), [_shown(each) for each in held])
        print()
    print(f"{len(released.passed)} of {released.rows} rows pass for {purpose}, {released.held_rows} are held")
    for obligation in dict.fromkeys(each for row in released.passed for answer in row["answers"] for each in answer["obligations"]):
        print(f"obligation: {obligation}")
    if manifest is not None:
        print(f"{manifest} is signed under {key}")


def _shown(held: dict[str, Any]) -> tuple[object, ...]:
    text = held["text"] + (f" (it rests on {held['rests_on']})" if held["rests_on"] else "")
    return held["row"], held["record"] or "-", held["reason"], " ".join(held["clauses"]) or "-", text


def _check(path: Path, file: Path | None, key: str, *, json_: bool) -> int:
    """Verify a manifest, and that every row of a file was released by it if one is named. Gives the exit code."""
    from proxy.provenance import manifest as signing
    from proxy.provenance.releasing import Compared, compared, summary
    from proxy.provenance.rows import rows

    checked = signing.check(path.read_bytes(), key)
    told = summary(checked.manifest)
    found, same = Compared([], []), None
    if file is not None:
        same = signing.digest(file) == told["input"]["sha256"]
        with file.open("rb") as lines:
            found = compared(checked.manifest, rows(lines))
    if json_:
        shown = {"same_file": same, "unreleased_rows": found.unreleased, "missing_rows": found.missing}
        print(json.dumps({**told, "key": checked.key, **shown}, indent=2))
        return 1 if found.unreleased else 0
    counts = told["counts"]
    print(f"the signature holds under {checked.key}" + ("" if key else "; compare it with the key of whom you expect"))
    passed = f"{counts['passed']} of {counts['rows']} rows were released for {told['purpose']}"
    print(f"{passed} by {told['by']}, terms {told['terms']}")
    for row in found.unreleased:
        print(f"row {row} of the file was not released")
    for row in found.missing:
        print(f"row {row} of the manifest is not in the file")
    if file is not None and not found.unreleased:
        print("every row of the file was released")
    return 1 if found.unreleased else 0
