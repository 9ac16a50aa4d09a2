"""Prometheus text exposition, format 0.0.4, in standard-library code: the supervisor carries no client library."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from proxy.telemetry.names import HELP, HISTOGRAMS, PREFIX

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[str, Mapping[str, str], float]
"""Name, labels, value."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HISTOGRAMS = {f"{name}_{part}": name for name in HISTOGRAMS for part in ("bucket", "sum", "count")}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def samples(told: Any, labels: Mapping[str, str]) -> list[Sample]:
    """The well-formed rows of a child's `metrics` list, with `labels` added; rows of any other shape are left out."""
    rows = told if isinstance(told, list) else []
    return [sample for row in rows if (sample := _sample(row, labels)) is not None]


def _sample(row: Any, added: Mapping[str, str]) -> Sample | None:
    match row:
        case [str(name), dict(labels), int(value) | float(value)] if name.startswith(PREFIX) and _NAME.fullmatch(name):
            own = {key: str(text) for key, text in labels.items() if isinstance(key, str) and _NAME.fullmatch(key)}
            return name, {**own, **added}, value
    return None


def render(rows: Iterable[Sample]) -> str:
    """The page: families in order of first appearance, each with HELP (where known) and TYPE."""
    families: dict[str, list[str]] = {}
    for name, labels, value in rows:
        families.setdefault(_HISTOGRAMS.get(name, name), []).append(f"{name}{_labels(labels)} {_number(value)}")
    text: list[str] = []
    for name, written in families.items():
        if name in HELP:
            text.append(f"# HELP {name} {HELP[name]}")
        text.append(f"# TYPE {name} {_type(name)}")
        text += written
    return "\n".join([*text, ""])


def _type(name: str) -> str:
    if name in HISTOGRAMS:
        return "histogram"
    return "counter" if name.endswith("_total") else "gauge"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in labels.items()) + "}"


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    return repr(value)
