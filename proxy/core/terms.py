"""Terms as the judges read them: rows (a contract, a licence, a tenant's overlay) of cells (one purpose, one span of time).

Compiled from `policies/terms/` and carried in the snapshot's sections `terms` and `models` (docs/adr/0013-terms-as-tables.md).
Plain shapes; what they mean for a call is `proxy.terms.verdict`.
"""

from __future__ import annotations

import msgspec


class Cell(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one row says of one purpose, from `starts` (included) until `until` (excluded), microseconds since 1970 UTC.

    `verdict`: `allow | allow_with_obligations | review | forbid`, or `model`: whatever the model's own row says. `basis`:
    `express_grant | exception | silence | prohibition`. `requires`: attributes that must have these values; one that has another
    makes the verdict `otherwise`, one that is missing makes it `review` at best. `unless`: the attribute that names a written
    approval, which turns `forbid` or `review` into `allow_with_obligations` while it has not expired. `confirmed`: a person
    adopted the cell, or every clause that decides it was seen in the primary text. `conflict`: clauses of it contradict each
    other.
    """

    verdict: str
    basis: str = "silence"
    starts: int | None = None
    until: int | None = None
    clauses: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    requires: dict[str, str] = {}
    otherwise: str = "forbid"
    unless: str = ""
    confirmed: bool = True
    conflict: bool = False
    note: str = ""


class Row(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A row of the matrix. `kind`: `contract | licence | overlay`. `cells`: by purpose, in the order of time.

    `plans`: the row that holds instead for a credential of that plan (`oauth_subscription`, `coding_plan` …). `base`: of an
    overlay, the row that it stands on. `pinned`: microseconds since 1970 of the text that this tenant is bound to, where updates
    do not reach it.
    """

    id: str
    kind: str
    title: str = ""
    version: str = ""
    cells: dict[str, tuple[Cell, ...]] = {}
    plans: dict[str, str] = {}
    base: str = ""
    pinned: int | None = None


class ModelGlob(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Models whose names match `glob` (`*` and `?`, case ignored) are under `row`; the first glob that matches counts."""

    glob: str
    row: str


class Models(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Section `models`, name `models`: which row a model is under by itself, whoever serves it."""

    globs: tuple[ModelGlob, ...] = ()
