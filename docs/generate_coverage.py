"""Writes the endpoint tables of docs/coverage.md from the dialects' own tables: `python -m docs.generate_coverage`.

What stands between the two marks is generated; the rest of the page is written by hand. `make check` fails when they differ.
"""

from __future__ import annotations

from pathlib import Path

from proxy.dialects import DIALECTS
from proxy.dialects.contract import MIB, Endpoint

PAGE = Path(__file__).with_name("coverage.md")
BEGIN, END = "<!-- generated: endpoints -->\n", "<!-- end -->\n"


def body_of(endpoint: Endpoint) -> str:
    """How a request's body is read."""
    if endpoint.json_body:
        return "strict JSON"
    return "form" if endpoint.form_body else "not read"


def row(endpoint: Endpoint) -> str:
    """One endpoint as a row."""
    taught = "yes" if endpoint.teaches else "no"
    cells = (
        f"`{endpoint.name}`",
        f"`{endpoint.method} {endpoint.pattern}`",
        body_of(endpoint),
        taught,
        f"{endpoint.body_cap // MIB} MiB",
    )
    return f"| {' | '.join(cells)} |\n"


def tables() -> str:
    """One table a dialect; a dialect without endpoints has none."""
    parts = []
    for dialect in DIALECTS:
        if dialect.endpoints:
            head = f"\n### `{dialect.name}`\n\n| endpoint | request | body | may teach | largest |\n|---|---|---|---|---|\n"
            parts.append(head + "".join(row(endpoint) for endpoint in dialect.endpoints))
    return "".join(parts) + "\n"


def renewed(page: str) -> str:
    """The page with its generated part made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{tables()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
