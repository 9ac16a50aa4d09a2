"""What the terms in force say of an exchange's answers as training: had the same call been declared for it, at its own time."""

from __future__ import annotations

import json
from typing import Any

from proxy.admin.parts import AdminParts

PURPOSE = "train.general"

_ALIKE = ("upstream", "host", "dialect", "endpoint", "method", "attributes")


async def as_training(parts: AdminParts, intent: bytes | None) -> dict[str, Any] | None:
    """`verdict`, and `rows` of the terms with their clauses, days, and who has read them; None where nothing can be said.

    `intent` is the evidence of what was asked.
    """
    if intent is None:
        return None
    try:
        evidence = json.loads(intent)
        call = {name: evidence[name] for name in _ALIKE if evidence.get(name)}
        call |= {name: value for name, value in (evidence.get("versions") or {}).items() if name in ("contract", "licence")}
        call |= {"model": evidence.get("model_requested") or None, "purpose": PURPOSE}
        told = await parts.explain(None, {name: value for name, value in call.items() if value is not None}, evidence["at"])
    except (KeyError, ValueError):
        return None
    return {"purpose": PURPOSE, "verdict": told["verdict"]["verdict"], "rows": [row for row in told["rows"] if row["row"]]}
