"""What a sidecar weighs: gateway, lean control and supervisor, admin off; and how soon it is ready.

    python -m benchmarks.footprint [--exchanges 2000] [--gate]

Memory is proportional set size (PSS) summed over the processes, as /proc tells it (Linux only). A page that processes outside this
proxy share counts in part there; in a container of its own nothing outside shares it. So the figure to compare is the one
*alone*: private pages, and of each mapped file the most that any of these processes has of it. `--gate` exits 1 past a bound.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.process import children, free_port, memory_mib
from proxy.demo.upstream import upstream_process

ROOT = Path(__file__).resolve().parents[1]
MOST_MIB, MOST_SECONDS = 110 * 1e6 / 2**20, 1.5
"""110 MB, in MiB; and seconds until the first probe finds it ready."""
SETTLE_SECONDS = 3.0
_START_SECONDS = 30.0
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ (\S+) (\d+)")


def alone_mib(pids: list[int]) -> float:
    """What these processes would have as PSS if nobody else on the machine shared their pages."""
    private, files = 0, defaultdict[tuple[str, str], int](int)
    for pid in pids:
        mapped = defaultdict[tuple[str, str], int](int)
        for file, resident, anonymous in _mappings(pid):
            private += anonymous
            if file[1] != "0":
                mapped[file] += resident - anonymous
        for file, resident in mapped.items():
            files[file] = max(files[file], resident)
    return (private + sum(files.values())) / 1024


def _mappings(pid: int) -> Iterator[tuple[tuple[str, str], int, int]]:
    """Of each mapping: device and inode, KiB resident, KiB of those that belong to this process alone by being anonymous."""
    file, resident = ("", "0"), 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if found := _MAPPING.match(line):
            file = (found[1], found[2])
        elif line.startswith("Rss:"):
            resident = int(line.split()[1])
        elif line.startswith("Anonymous:"):
            yield file, resident, int(line.split()[1])


class Sidecar:
    """A proxy as it runs beside an application: embedded default, admin off."""

    def __init__(self, folder: Path, upstream: str, gateway: int, health: int) -> None:
        self.gateway, self.health = gateway, health
        environ = {key: value for key, value in os.environ.items() if not key.startswith("TOS_PROXY_")}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an image has its byte code
        environ |= {
            "PYTHONPATH": str(ROOT),
            "TOS_PROXY_DATA_DIR": str(folder),
            "TOS_PROXY_GATEWAY__PORT": str(gateway),
            "TOS_PROXY_HEALTH__PORT": str(health),
            "TOS_PROXY_UPSTREAMS__OPENAI__BASE_URL": upstream,
        }
        self.began = time.monotonic()
        command = [sys.executable, "-m", "proxy.cli", "serve", "--no-admin"]
        self.process = subprocess.Popen(
            command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait_ready(self) -> float:
        """Seconds from the command to the first probe that finds it ready."""
        while time.monotonic() < self.began + _START_SECONDS:
            with suppress(OSError, http.client.HTTPException):
                probe = http.client.HTTPConnection("127.0.0.1", self.health, timeout=1)
                probe.request("GET", "/readyz")
                if probe.getresponse().status == 200:
                    return time.monotonic() - self.began
            time.sleep(0.01)
        raise TimeoutError("not ready in time")

    @property
    def pids(self) -> dict[int, str]:
        """Its processes: supervisor, gateway, control."""
        found = {pid: "control" if " control " in command else "gateway" for pid, command in children(self.process.pid).items()}
        return {self.process.pid: "supervisor", **found}

    def exchange(self, count: int) -> None:
        """So many chat requests, one after the other."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway, timeout=10)
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * 150}]})
        for _ in range(count):
            connection.request("POST", "/openai/v1/chat/completions", body, {"content-type": "application/json"})
            connection.getresponse().read()
        connection.close()

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def sidecar() -> Iterator[Sidecar]:
    """A fresh one in front of a scripted upstream."""
    with tempfile.TemporaryDirectory(prefix="tos-proxy-footprint-") as folder, upstream_process() as upstream:
        running = Sidecar(Path(folder), upstream.url, free_port(), free_port())
        try:
            yield running
        finally:
            running.stop()


def measured(running: Sidecar, when: str) -> float:
    """Print one measurement; gives the MiB alone."""
    pids = running.pids
    alone = alone_mib(list(pids))
    parts = ", ".join(f"{name} {memory_mib(pid):.0f}" for pid, name in pids.items())
    print(f"{when:<24} {alone:6.1f} MiB alone ({alone * 2**20 / 1e6:.0f} MB); as the kernel divides it: {parts} MiB")
    return alone


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description="What a sidecar weighs")
    parser.add_argument("--exchanges", type=int, default=2000, help="after how many exchanges to measure again")
    parser.add_argument("--gate", action="store_true", help="exit 1 past a bound")
    told = parser.parse_args()
    with sidecar() as first:  # the one before made the byte code
        first.wait_ready()
        time.sleep(SETTLE_SECONDS)
    with sidecar() as running:
        seconds = running.wait_ready()
        print(f"{'ready':<24} {seconds:6.2f} s")
        time.sleep(SETTLE_SECONDS)
        idle = measured(running, "idle")
        running.exchange(told.exchanges)
        time.sleep(SETTLE_SECONDS)
        measured(running, f"after {told.exchanges} exchanges")
    return 1 if told.gate and (idle > MOST_MIB or seconds > MOST_SECONDS) else 0


if __name__ == "__main__":
    sys.exit(main())
