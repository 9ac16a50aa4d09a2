"""Plain tables for terminals: columns as wide as their content, two spaces between them."""

from __future__ import annotations

from collections.abc import Sequence


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads; nothing but the heads when there are none. What a terminal would obey is replaced: names of
    models and principals are what others say.
    """
    written = [[plain(str(cell)) for cell in row] for row in rows]
    widths = [max(len(head), *(len(row[at]) for row in written)) if written else len(head) for at, head in enumerate(heads)]
    for row in [[head.upper() for head in heads], *written]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def plain(text: str) -> str:
    """The text with a replacement character for each that is not printable."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def counted(count: int, what: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
