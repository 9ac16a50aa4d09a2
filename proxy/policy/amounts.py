"""How much may be asked, as people write it: so much of each kind, for the configuration and the admin API alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator

from proxy.core.buckets import CONCURRENT
from proxy.core.rules import Limit
from proxy.policy.schema import rate

Kind = Literal["requests", "tokens", "input_tokens", "output_tokens", "reasoning_tokens", "prompts", "lines", "concurrent"]


def _amounts(written: dict[Kind, int | str]) -> dict[Kind, int | str]:
    for kind, amount in written.items():
        if kind != CONCURRENT:
            rate(amount)
        elif isinstance(amount, str | bool) or amount < 1:
            raise ValueError("concurrent should be a number of exchanges, 1 or more")
    return written


Limits = Annotated[dict[Kind, int | str], AfterValidator(_amounts)]
"""So much in a time each: `60/m`, `100k/h`, `1000/15m`; `concurrent` exchanges are open at once."""


def compiled(limits: Mapping[Kind, int | str], message: str = "") -> Limit | None:
    """As gateways read it; None where nothing is limited."""
    rates = {str(kind): rate(amount) for kind, amount in limits.items() if kind != CONCURRENT}
    return Limit(rates, int(limits.get("concurrent", 0)), message) if limits else None


def written(limit: Limit | None) -> dict[str, int | str]:
    """As people write it."""
    if limit is None:
        return {}
    found: dict[str, int | str] = {kind: str(amount) for kind, amount in limit.rates.items()}
    return found | ({CONCURRENT: limit.concurrent} if limit.concurrent else {})
