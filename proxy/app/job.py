"""One job, as a child process of control (`proxy.control.jobs` says how the two speak): a backtest, or a search in contents."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from proxy.core.errors import TosProxyError
from proxy.core.jobs import Job

if TYPE_CHECKING:
    from proxy.policy.backtest import Backtest
    from proxy.provenance.calls import Portion

CUT_SHORT = 130
_NICE = 10
_SAY_SECONDS = 0.5
MOST_NAMES = 1000
"""Principals of a backtest's result that are kept."""


def run(folder: Path) -> int:
    """Do what `job.json` in the folder asks for. Returns the exit code."""
    os.nice(_NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job = msgspec.json.decode((folder / "job.json").read_bytes(), type=Job)
    kinds: dict[str, Callable[[Job, Path], tuple[Any, bool]]] = {"backtest": _backtest, "search": _search}
    try:
        result, partial = kinds[job.kind](job, folder)
    except (TosProxyError, OSError) as error:
        sys.stderr.write(str(error).replace("\n", "; ") + "\n")
        return 1
    new = folder / "result.json.new"
    new.write_bytes(msgspec.json.encode(result))
    new.replace(folder / "result.json")
    return CUT_SHORT if partial else 0


def _end_with_parent() -> None:
    # nothing is ever sent: the end of the pipe is the end of control
    while os.read(0, 4096):
        pass
    os._exit(CUT_SHORT)


class Progress:
    """Says how far it is, now and then."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, done: int, total: int, told: str) -> None:
        """`done` of `total`, in words `told`."""
        if time.monotonic() - self._said >= _SAY_SECONDS or done >= total:
            self._said = time.monotonic()
            sys.stdout.write(json.dumps({"done": done, "total": total, "told": told}) + "\n")
            sys.stdout.flush()


def _backtest(job: Job, folder: Path) -> tuple[Any, bool]:
    from proxy.app.backtesting import Draft, sets
    from proxy.app.backtesting import run as test
    from proxy.provenance.calls import Span
    from proxy.settings.compiling import compile_configuration

    asked, progress = job.asked, Progress()
    paths: tuple[Path, ...] = ()
    if asked["policies"]:
        drafts = folder / "draft"
        drafts.mkdir(mode=0o700)
        for number, text in enumerate(asked["policies"]):
            (drafts / f"policy-{number + 1}.yaml").write_text(text)
        paths = (drafts,)
    compiled = compile_configuration(os.environ, make=False)
    both = sets(compiled, Draft(paths, asked["terms"], asked["enforce"], asked["alone"]), job.at)
    span = Span(asked["since"], asked["until"], frozenset(asked["principals"]), frozenset(asked["upstreams"]))

    def told(portion: Portion, found: Backtest) -> None:
        progress(portion.passed, portion.total, f"{found.queries:,} queries, {found.changed:,} changed")

    ran = asyncio.run(test(compiled, both, span, asked["examples"], told))
    result = msgspec.to_builtins(ran.result)
    result["principals"] = result["principals"][:MOST_NAMES]
    return {"partial": ran.partial, "since": span.since, "until": span.until, **result}, ran.partial


def _search(job: Job, _folder: Path) -> tuple[Any, bool]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from proxy.app.searching import Search, search
    from proxy.ledger import secrets
    from proxy.ledger.store_exchanges import Wanted
    from proxy.settings.compiling import running
    from proxy.settings.loading import load

    found = running(load(os.environ).settings)  # without terms and policies, which nobody asks here
    asked = job.asked
    wanted = Wanted(asked["equal"], asked["since"], asked["until"])
    master = AESGCM(secrets.load(found.data_dir, os.environ).master)
    return asyncio.run(search(found.store_url, master, Search(asked["text"], wanted, asked["most"]), Progress()))
