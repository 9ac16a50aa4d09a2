"""Writes the tables of docs/coverage.md, endpoints from the dialects' own and upstreams from `hosts.py` and the settings:
`python -m docs.generate_coverage`.

What stands between the marks is generated; the rest of the page is written by hand. `make check` fails when they differ.
"""

from __future__ import annotations

from pathlib import Path

from docs.hosts import HOSTS, Host
from proxy.dialects import DIALECTS
from proxy.dialects.contract import MIB, Endpoint
from proxy.settings.builtin import builtin_upstreams

PAGE = Path(__file__).with_name("coverage.md")
BEGIN, END = "<!-- generated: {} -->\n", "<!-- end -->\n"


def body_of(endpoint: Endpoint) -> str:
    """How a request's body is read."""
    if endpoint.session:
        return "WebSocket, turn by turn"
    form = "strict JSON" if endpoint.json_body else "form" if endpoint.form_body else "not read"
    return form if not endpoint.carries else "lines" if form == "not read" else f"{form}, lines"


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


def upstream_row(host: Host) -> str:
    """One upstream as a row: where it is, what its clients are given, in which dialects they are read."""
    known = builtin_upstreams().get(host.name)
    address = f"`{known['base_url']}`" if known else f"configured: `{host.address}`"
    bases: dict[str, list[str]] = {}
    for base in host.bases:
        bases.setdefault(base.dialect, []).append(f"`{base.base}`")
    read = ", ".join(f"{dialect}: {' '.join(dict.fromkeys(found))}" for dialect, found in bases.items())
    return f"| `{host.name}` | {address} | {read} | {host.unread} |\n"


def upstreams() -> str:
    """The table of upstreams."""
    columns = ("upstream", "`base_url`", "clients' base URLs, after the gateway's address, by dialect", "recorded, not read")
    head = f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(map(upstream_row, HOSTS)) + "\n"


def renewed(page: str) -> str:
    """The page with its generated parts made anew."""
    for part, made in (("endpoints", tables()), ("upstreams", upstreams())):
        begin = BEGIN.format(part)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(END)
        page = f"{before}{begin}{made}{END}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
