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
    do not reach it. `hosts`: globs of the hosts whose contract it is when an upstream names none. `versions`: the days on which its
    texts changed, as microseconds and as written, oldest first. `digest`: 16 hex digits over all of the row but this, by which a
    person's reading of it is kept.
    """

    id: str
    kind: str
    title: str = ""
    version: str = ""
    cells: dict[str, tuple[Cell, ...]] = {}
    plans: dict[str, str] = {}
    base: str = ""
    pinned: int | None = None
    hosts: tuple[str, ...] = ()
    versions: tuple[tuple[int, str], ...] = ()
    digest: str = ""


class ModelGlob(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Models whose names match `glob` (`*` and `?`, case ignored) are under `row`; the first glob that matches counts."""

    glob: str
    row: str


class Models(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Section `models`, name `models`: which row a model is under by itself, whoever serves it. `version`: of the catalogue. The
    entry `shadow` goes with the section `terms_shadow`: a newer catalogue that is judged by beside the pinned one.
    """

    globs: tuple[ModelGlob, ...] = ()
    version: str = ""


CATALOGUE = "catalogue"
"""What the whole catalogue is called where rows are named."""


class Adoption(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Section `adoption`, named by row: a named person has read the row's cells as they are at `digest`. `at`: microseconds.
    Under the name `catalogue`: whoever put the catalogue's `version` in force.
    """

    row: str
    digest: str
    by: str
    at: int
    version: str = ""


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A clause as people are told of it, in its newest text. `review_by`, `gone`: microseconds since 1970 UTC, when it has to be
    read again, and when its document lost it.
    """

    id: str
    document: str
    section: str = ""
    url: str = ""
    summary: str = ""
    confidence: str = ""
    rank: str = ""
    review_by: int | None = None
    gone: int | None = None
    rows: tuple[str, ...] = ()


class Unsaid(msgspec.Struct, frozen=True, gc=False):
    """What rows allow by no clause, since their texts are silent: `review_by` (microseconds since 1970 UTC) is when somebody has to
    look whether they still are.
    """

    review_by: int
    rows: tuple[str, ...]
