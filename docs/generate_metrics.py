"""Renews docs/metrics.md from the table of names: `python -m docs.generate_metrics`."""

from __future__ import annotations

import re
from pathlib import Path

from proxy.telemetry.names import HELP, HISTOGRAMS, LABELS

PAGE = Path(__file__).parent / "metrics.md"
_PART = re.compile(r"(?<=<!-- names -->\n).*?(?=<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """The page with its table of names as the code has it."""
    return _PART.sub(lambda _: table(), page)


def table() -> str:
    """All names, a row each."""
    lines = ["| name | type | labels | meaning |", "|---|---|---|---|"]
    for name, meaning in HELP.items():
        labels = " ".join(f"`{label}`" for label in LABELS.get(name, ()))
        lines.append(f"| `{name}` | {_type(name)} | {labels} | {meaning} |")
    return "\n".join(lines) + "\n"


def _type(name: str) -> str:
    if name in HISTOGRAMS:
        return "histogram"
    return "counter" if name.endswith("_total") else "gauge"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
