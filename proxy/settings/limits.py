"""How much may be asked: `principals.<name>.limits` and the section `limits`, and the snapshot's entries that they become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from proxy.core import snapshot
from proxy.policy.amounts import Limits, compiled
from proxy.settings.units import Strict


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
