"""The report of a comparison: medians with their spread, and the bounds that `--gate` holds them to."""

from __future__ import annotations

from statistics import median
from typing import Any

BOUNDS = {
    "1 KB x": 5.0,
    "SSE 1000 x": 1.5,
    "SSE 1000 one-way p50 +µs": 60.0,
    "control ships µs": 60.0,
    "control µs": 360.0,
    "idle MiB": 45.0,
    "1000 streams +MiB": 15.0,
    "start s": 1.0,
}
"""The greatest allowed median of each figure."""


def gathered(found: dict[str, Any]) -> dict[str, list[float]]:
    """Every figure with its value of each round."""
    figures: dict[str, list[float]] = {name: [value] for name, value in found.get("start", {}).items()}
    for results in found["rounds"]:
        for name, value in results.items():
            figures.setdefault(name, []).append(value)
    return figures


def table(found: dict[str, Any]) -> str:
    """The figures as text: what, nginx, ours, ratio, bound; medians, with the least and greatest in brackets."""
    figures = gathered(found)
    machine = found["machine"]
    made = f"{len(found['rounds'])} interleaved rounds, load by {found['load']}, Python {machine['python']}"
    lines = [
        f"{found['subject']} beside nginx: {made}, {machine['cores']} cores, load average {machine['load'][0]:.1f}",
        f"{'':26}{'nginx':>24}{found['subject']:>24}{'ratio':>22}{'bound':>9}",
    ]
    for name, values in figures.items():
        if name.endswith((" nginx", " x")):
            continue
        label = name.removesuffix(" µs").removesuffix(" µs/chunk") if name.endswith((" µs", " µs/chunk")) else ""
        ratio = figures.get(f"{label} x", [])
        bound = BOUNDS.get(name) or (BOUNDS.get(f"{label} x") if ratio else None)
        cells = (spread(figures.get(f"{name} nginx", [])), spread(values), spread(ratio))
        lines.append(f"{name:26}{cells[0]:>24}{cells[1]:>24}{cells[2]:>22}{bound or '':>9}")
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    """`median (least-greatest)`."""
    if not values:
        return ""
    middle = figure(median(values))
    return middle if len(values) == 1 else f"{middle} ({figure(min(values))}-{figure(max(values))})"


def figure(value: float) -> str:
    """Three or so significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def exceeded(found: dict[str, Any]) -> list[str]:
    """The bounds that the medians exceed. A bound whose figure was not measured is not exceeded."""
    figures = gathered(found)
    return [
        f"{name} is {figure(median(figures[name]))}, at most {bound:g}"
        for name, bound in BOUNDS.items()
        if name in figures and median(figures[name]) > bound
    ]
