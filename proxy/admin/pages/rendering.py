"""How pages are drawn: templates, the words and figures in them, and the headers that keep a hostile prompt a text.

Everything shown may have been written by an attacker (prompts, model names, user agents, names of end users). Templates escape all
of it; the filter `seen` (`texts`) besides makes visible what would turn, hide or end a text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from proxy import __version__
from proxy.admin.pages import drawing
from proxy.admin.pages.stairs import stairs
from proxy.admin.pages.texts import plain, seen

FOLDER = Path(__file__).parent.parent
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with `no-referrer` browsers call the origin of our own forms null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def moment(at: int | None) -> Markup:
    """Microseconds since 1970 as a time, UTC."""
    if at is None:
        return Markup("—")
    told = datetime.fromtimestamp(at / 1_000_000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(told.isoformat(), told.strftime("%Y-%m-%d %H:%M:%S"))


def day(at: int | None) -> str:
    """Microseconds since 1970 as a date, UTC."""
    return "—" if at is None else datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%d")


def size(count: float) -> str:
    """A number of bytes for people."""
    unit = 0
    while count >= 1024 and unit < len(_SIZES) - 1:
        count /= 1024
        unit += 1
    return f"{count:.0f} {_SIZES[unit]}" if unit == 0 or count >= 100 else f"{count:.1f} {_SIZES[unit]}"


def duration(us: float) -> str:
    """Microseconds for people."""
    if us < 1000:
        return f"{us:.0f} µs"
    return f"{us / 1000:.0f} ms" if us < 1_000_000 else f"{us / 1_000_000:.1f} s"


def age(us: int) -> str:
    """Microseconds since something happened, for people: minutes, hours, days."""
    minutes = max(0, us) // 60_000_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def count(number: float) -> str:
    """A number with its thousands set apart."""
    return f"{number:,.0f}".replace(",", "\u202f")


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"seen": seen, "plain": plain, "moment": moment, "day": day, "size": size, "duration": duration, "count": count}
    made.filters["age"] = age
    made.globals |= {"version": __version__, "bar": drawing.bar, "activity": drawing.activity, "graph": drawing.graph}
    made.globals |= {"stairs": stairs, "web": drawing.web}
    return made


_templates = _environment()


def page(request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A whole page. `shown` are the template's values; what it names and is not given is an error."""
    frame = {"navigation": request.app.state.navigation, "here": request.url.path, "session": request.state.session}
    text = _templates.get_template(template).render(frame | shown)
    return HTMLResponse(text, status, HEADERS)
