"""One gateway worker as a process of its own, without supervisor and control: what is measured is the gateway alone.

    python -m tests.torture.lone_worker FOLDER      # prints the port; SIGTERM drains it

FOLDER holds the snapshot (`current`); the ledger is written below `FOLDER/data`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from proxy.core import snapshot
from proxy.core.snapshot import GatewayOptions, LedgerOptions, UpstreamOptions
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


class LoneWorker:
    """The running process."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, port: int) -> None:
        self.process = process
        self.folder = folder
        self.port = port

    @property
    def data_dir(self) -> Path:
        """Where its ledger is."""
        return self.folder / "data"

    def resident_bytes(self) -> int:
        """What it holds of the machine's memory now."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_bytes(self) -> int:
        """The most it held since the last call."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")
        return peak * 1024


@contextmanager
def lone_worker(
    folder: Path,
    upstream_url: str,
    *,
    content: str = "full",
    on_client_abort: str = "cancel",
    tick_seconds: float = 0.1,
    entries: Sequence[bytes] = (),
) -> Iterator[LoneWorker]:
    """A worker in front of an upstream that speaks all dialects; `entries` are further ones of its snapshot.

    Raises: AssertionError when it does not end in order or printed anything.
    """
    options = GatewayOptions(drain_seconds=5.0, on_client_abort=on_client_abort)
    lines = [
        snapshot.put("gateway", "options", options),
        snapshot.put("ledger", "options", LedgerOptions(content=content, tick_seconds=tick_seconds)),
    ]
    lines += [
        snapshot.put("upstream", name, UpstreamOptions(name, name, upstream_url)) for name in ("openai", "anthropic", "gemini")
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "current").write_bytes(snapshot.base(1, 0, [*lines, *entries]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    errors = folder / "stderr"
    with errors.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.lone_worker", str(folder)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
        )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit(), errors.read_text(encoding="utf-8")
        yield LoneWorker(process, folder, int(port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert not errors.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def main(folder: Path) -> int:
    """Serve until told to end."""
    from proxy.app.judging import Judging
    from proxy.gateway.server import run

    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    return run(folder / "current", folder / "data", 0, [listener], Judging(), None)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
