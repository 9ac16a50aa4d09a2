"""A proxy with a fault in its gateway and control: what the modules of planted faults share as commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any


def main(module: str, faults: Mapping[str, Callable[[], None]], arguments: list[str], **prepared: Any) -> int:
    """`FAULT serve …` starts the proxy, whose processes come back here as `FAULT gateway …`, with the fault in them.

    `module` holds `faults` and is run as a program; `prepared` are further changes of what `serve` prepares.
    """
    name, *rest = arguments
    if rest[0] == "serve":
        from proxy.cli import run, serve

        prepare = serve.prepare
        changes: dict[str, Any] = {"python": [sys.executable, "-m", module, name], **prepared}
        serve.prepare = lambda *told, **more: replace(prepare(*told, **more), **changes)
        return run(rest)
    from proxy.app import main as process

    if rest[0] in ("gateway", "control"):
        faults[name]()
    return process(rest)
