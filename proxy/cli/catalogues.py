"""The terms as commands look at them: those that the configuration of the environment is judged by, and who adopted what."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import typer

if TYPE_CHECKING:
    from proxy.core.rules import Rule
    from proxy.core.terms import Adoption, Row
    from proxy.settings.schema import Settings
    from proxy.settings.terms import Terms

_READ = re.compile(r"""attributes\.(\w+)|attributes\[\s*["']([^"']*)|["']([^"']*)["']\s+in\s+attributes""")
"""How an expression reads an attribute by its name."""


@dataclass(frozen=True)
class Known:
    """What the configuration is judged by. `adoptions` by row, as they were last published."""

    settings: Settings
    terms: Terms
    adoptions: dict[str, Adoption]


def known() -> Known:
    """For the configuration of the environment; nothing is written. Raises: ConfigurationError, NoTermsError."""
    from proxy.control.publisher import Publisher
    from proxy.core import snapshot
    from proxy.core.terms import Adoption
    from proxy.settings.compiling import compile_configuration

    compiled = compile_configuration(os.environ, make=False, unset_keys=True)
    published = Publisher(compiled.settings.data_dir).entries()
    adoptions = {
        name: msgspec.json.decode(line.value, type=Adoption)
        for (section, name), framed in published.items()
        if section == "adoption"
        for line in snapshot.lines(framed)
    }
    return Known(compiled.settings, compiled.terms, adoptions)


def instant(on: str | None) -> int:
    """Microseconds since 1970 of 00:00 UTC of a day as `2026-01-31`, or of now."""
    from proxy.core.clock import SystemClock

    if on is None:
        return SystemClock.utc_us()
    try:
        day = dt.datetime.fromisoformat(on)
    except ValueError:
        raise typer.BadParameter(f"--on {on!r} should be a day such as 2026-01-31") from None
    return int(day.replace(tzinfo=day.tzinfo or dt.UTC).timestamp()) * 1_000_000


def unknown(what: str, name: str, among: Iterable[str]) -> typer.BadParameter:
    """The error for a name that nothing has."""
    return typer.BadParameter(f"no {what} is named {name!r}{_meant(name, among)}")


def _meant(name: str, among: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(among), n=3)
    return f", did you mean {' or '.join(close)}?" if close else ""


def warn_of_unread(attributes: Iterable[str], rows: Iterable[Row], rules: Iterable[Rule] = ()) -> None:
    """Tell of attributes that none of these rows and rules reads: whoever runs a proxy names them freely, so it is no error."""
    cells = [cell for row in rows for each in row.cells.values() for cell in each]
    read = {name for cell in cells for name in (*cell.requires, cell.unless)}
    read |= {name for rule in rules for found in _READ.findall(rule.when) for name in found}
    for name in attributes:
        if name not in read:
            print(f"tos-proxy: warning: nothing here reads the attribute {name!r}{_meant(name, read)}", file=sys.stderr)


def purpose(written: str | None) -> str | None:
    """A purpose that there is."""
    from proxy.core.principal import PURPOSES

    if written is not None and written not in PURPOSES:
        raise unknown("purpose", written, PURPOSES)
    return written
