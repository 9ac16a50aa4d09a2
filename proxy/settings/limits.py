"""How much may be asked: `principals.<name>.limits` and the section `limits`, and the snapshot's entries that they become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from proxy.core import snapshot
from proxy.core.buckets import CONCURRENT
from proxy.core.rules import Limit
from proxy.policy.schema import rate
from proxy.settings.units import Strict

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


class Shared(Strict):
    """Limits that are no one principal's own. `limited` is of those whose standing findings have lowered."""

    principal: Limits = {}
    projects: dict[str, Limits] = {}
    upstreams: dict[str, Limits] = {}
    group: Limits = {}
    limited: Limits = {"requests": "10/m", "concurrent": 2}
    contact: Annotated[str, Field(max_length=200)] = ""


def entries(own: Mapping[str, Limits], shared: Shared, *, limited: bool) -> list[bytes]:
    """The snapshot's section `limit`. `own`: of principals. `limited`: whether findings slow anybody down."""
    found = {f"principal/{name}": compiled(limits) for name, limits in own.items()}
    found["principal"] = compiled(shared.principal)
    found |= {f"project/{name}": compiled(limits) for name, limits in shared.projects.items()}
    found |= {f"upstream/{name}": compiled(limits) for name, limits in shared.upstreams.items()}
    if limited:
        found["group"] = compiled(shared.group)
        found["limited"] = compiled(shared.limited, _message(shared.contact))
    return [snapshot.put("limit", name, limit) for name, limit in found.items() if limit is not None]


def parted(workers: int, own: Mapping[str, Limits], shared: Shared) -> str:
    """What to tell whoever sets limits and has several workers, but no Redis that they could share; empty where nothing is."""
    places = [shared.principal, shared.group, *shared.projects.values(), *shared.upstreams.values(), *own.values()]
    if workers == 1 or not any(places):
        return ""
    return f"each of {workers} workers counts its equal part of every limit, so a client of one connection has that part alone"


def _message(contact: str) -> str:
    return (
        "This traffic looks like model extraction, so it is slowed down; it is not blocked. If it is something else, declare what "
        "it is for: send the purpose in the header x-tos-purpose where this key may declare it, or ask "
        f"{contact or 'whoever runs this proxy'} to record one."
    )
