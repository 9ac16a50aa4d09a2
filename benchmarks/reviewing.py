"""What people who review cost the gateway: its CPU per request with and without them, in turn: `python -m benchmarks.reviewing`.

    python -m benchmarks.reviewing [--pairs 8] [--seconds 4] [--rate 400] [--reviewers 3] [--gate]

The gateway is asked at one rate in rounds that alternate; in every second one, reviewers click without a pause: overview, queue,
findings, a principal, the newest exchanges, one of them opened with its content, a decision. Each that is recorded is an entry that
the gateway writes. What is compared are pairs of neighbouring rounds, so that what else the machine does meets both. CPU time is
that of the gateway process alone, by the scheduler. `--gate` exits 1 where the median of the ratios is past 1.1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from benchmarks.process import cpu_ns, require_linux
from benchmarks.subjects import TosProxy
from benchmarks.tools import Tools

TOKEN = "a-token-for-benchmarks"
MOST = 1.1
BODY = {"model": "gpt-5", "messages": [{"role": "user", "content": "hello " * 160}]}
PAGES = ("/", "/chart/traffic", "/queue", "/findings", "/exchanges", "/principals", "/policies", "/terms", "/ledger")


class Reviewed(TosProxy):
    """tos-proxy with pages that can be signed in to."""

    admin = ""

    def command(self) -> tuple[list[str], dict[str, str]]:
        """As ever, with a token."""
        words, environment = super().command()
        self.admin = f"http://127.0.0.1:{environment['TOS_PROXY_ADMIN__PORT']}"
        return words, environment | {"TOS_PROXY_ADMIN__TOKEN": TOKEN}


class Reviewer(threading.Thread):
    """Somebody who clicks until told to stop. `clicks`: answers had."""

    def __init__(self, admin: str) -> None:
        super().__init__(daemon=True)
        self.clicks = 0
        self.stop = threading.Event()
        self._admin = admin

    def run(self) -> None:
        """Look, open, decide."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        with httpx2.Client(base_url=self._admin, headers=headers, timeout=30) as client:
            while not self.stop.is_set():
                for page in PAGES:
                    self._had(client.get(page))
                items = client.get("/api/v1/exchanges?limit=20").json()["items"]
                self._had(client.get(f"/principals/{items[0]['principal']}"))
                self._had(client.post(f"/exchanges/{items[0]['id']}/content", data={"reason": "a measurement"}))
                for finding in client.get("/api/v1/findings?limit=1").json()["items"]:
                    decision = {"decision": "needs_answer", "note": "a measurement"}
                    self._had(client.post(f"/api/v1/findings/{finding['id']}/decision", json=decision))

    def _had(self, answer: httpx2.Response) -> None:
        assert answer.status_code == 200, answer.text[:300]
        self.clicks += 1


@contextmanager
def reviewers(admin: str, number: int) -> Iterator[list[Reviewer]]:
    """So many of them at work; none for none."""
    found = [Reviewer(admin) for _ in range(number)]
    for one in found:
        one.start()
    yield found
    for one in found:
        one.stop.set()
    for one in found:
        one.join(30)


def measure(options: argparse.Namespace, tools: Tools, subject: Reviewed, body: Path) -> list[float]:
    """The rounds; gives with ÷ without of each pair."""
    load = ["-c", "16", "-d", str(options.seconds), "-r", str(options.rate)]
    tools.load(subject, body, *load)  # so that there is something to look at
    ratios: list[float] = []
    for pair in range(options.pairs):
        each: dict[bool, float] = {}
        for watched in (True, False) if pair % 2 else (False, True):
            with reviewers(subject.admin, options.reviewers if watched else 0) as people:
                before = cpu_ns(subject.pid)
                done = tools.load(subject, body, *load)["ok"]
                each[watched] = (cpu_ns(subject.pid) - before) / done / 1000
                clicks = sum(one.clicks for one in people)
            if watched:
                seen = f"{clicks} clicks ({clicks / options.seconds:.0f} a second)"
        ratios.append(each[True] / each[False])
        told = f"{each[False]:6.1f} us a request without, {each[True]:6.1f} with {seen}: {ratios[-1]:.3f}"
        print(told, flush=True)
    return ratios


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=400.0)
    parser.add_argument("--reviewers", type=int, default=3)
    parser.add_argument("--gate", action="store_true")
    options = parser.parse_args()
    require_linux()
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "body.json"
        body.write_text(json.dumps(BODY))
        tools = Tools(Path(folder) / "build", None)
        subject = Reviewed(Path(folder) / "proxy", f"http://127.0.0.1:{tools.port}")
        try:
            subject.start(body.read_bytes())
            ratios = measure(options, tools, subject, body)
        finally:
            subject.stop()
            tools.stop()
    median = statistics.median(ratios)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(f"with reviewers ÷ without: median {median:.3f} of {len(ratios)} pairs ({spread}); load {load}")
    sys.exit(options.gate and median > MOST)


if __name__ == "__main__":
    main()
