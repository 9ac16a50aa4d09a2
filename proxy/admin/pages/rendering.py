"""How pages are drawn: templates, the words and figures in them, and the headers that keep a hostile prompt a text.

Everything shown may have been written by an attacker (prompts, model names, user agents, names of end users). Templates escape all
of it; `seen` besides makes visible what would turn, hide or end a text: control characters, and marks of writing direction.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from proxy import __version__

FOLDER = Path(__file__).parent.parent
MOST_SHOWN = 256 * 1024
"""Characters of one text that a page shows; the rest can be had as bytes."""

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

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\U000e0000-\U000e007f]"
)
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def seen(text: str) -> Markup:
    """A text as HTML in which nothing is hidden: `U+202E` stands where a mark would have turned the line around."""
    shown = Markup("").join(
        Markup('<span class="unseen">U+{:04X}</span>').format(ord(part)) if at % 2 else escape(part)
        for at, part in enumerate(_split(text[:MOST_SHOWN]))
    )
    return shown if len(text) <= MOST_SHOWN else shown + Markup("<em> … {} more characters</em>").format(len(text) - MOST_SHOWN)


def plain(text: str) -> str:
    """The same where no markup may stand (a title, an attribute): still to be escaped."""
    return _UNSEEN.sub(lambda found: f"U+{ord(found.group()):04X}", text[:200])


def _split(text: str) -> list[str]:
    """Plain, unseen, plain, unseen, …, plain."""
    parts: list[str] = []
    at = 0
    for found in _UNSEEN.finditer(text):
        parts += [text[at : found.start()], found.group()]
        at = found.end()
    return [*parts, text[at:]]


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
    made.globals |= {"version": __version__}
    return made


_templates = _environment()


def page(request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A whole page. `shown` are the template's values; what it names and is not given is an error."""
    frame = {"navigation": request.app.state.navigation, "here": request.url.path, "session": request.state.session}
    text = _templates.get_template(template).render(frame | shown)
    return HTMLResponse(text, status, HEADERS)
