"""Renews docs/reference/policy.md from the table of names: `python -m docs.generate_policy`."""

from __future__ import annotations

import re
from pathlib import Path

from proxy.policy.names import NAMES, Name

PAGE = Path(__file__).parent / "reference" / "policy.md"
_PART = re.compile(r"(?<=<!-- names -->\n).*?(?=<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """The page with its table of names as the code has it."""
    return _PART.sub(lambda _: table(), page)


def table() -> str:
    """All names, a row each."""
    lines = ["| name | type | in `match` | meaning |", "|---|---|---|---|"]
    lines += [f"| `{name.name}` | `{name.type}` | {'yes' if name.match else ''} | {_meaning(name)} |" for name in NAMES]
    return "\n".join(lines) + "\n"


def _meaning(name: Name) -> str:
    words = " ".join(f"`{word}`" for word in name.words)
    return f"{name.meaning}: {words}" if words else name.meaning


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
