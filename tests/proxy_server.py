"""A real `tos-proxy serve` for tests: its own process tree, data folder and ports, in front of a scripted upstream.

Every way of ending one is checked here, so that each test that uses it also shows: SIGTERM ends with exit code 0, no process
printed a traceback, and every byte stream the upstream saw has an intent whose commitment opens to it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from proxy.demo.scripted.seen import Seen
from proxy.demo.upstream import ScriptedUpstream, UpstreamProcess, upstream_thread
from proxy.ledger import secrets
from proxy.settings.builtin import builtin_upstreams
from tests.ledger_oracle import unrecorded, unsaid
from tests.servers import free_port
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "token-of-the-tests-0123456789"

Upstream = ScriptedUpstream | UpstreamProcess


@dataclass
class ProxyServer:
    """One proxy. Ports are kept over restarts. `configuration` is laid over what the fixture writes; `environ` over the
    environment.
    """

    folder: Path
    upstream: Upstream
    configuration: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ("-m", "proxy.cli", "serve")
    token: str = TOKEN
    process: subprocess.Popen[bytes] | None = None
    check_records: bool = True
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        """The proxy's data folder."""
        return self.folder / "records"

    @property
    def gateway_url(self) -> str:
        """Base of the gateway's URLs."""
        return f"http://127.0.0.1:{self._ports['gateway']}"

    @property
    def admin_url(self) -> str:
        """Base of the admin API's URLs."""
        return f"http://127.0.0.1:{self._ports['admin']}"

    @property
    def health_url(self) -> str:
        """Base of the health listener's URLs."""
        return f"http://127.0.0.1:{self._ports['health']}"

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def stderr(self) -> str:
        """What all processes have written to stderr so far, over all starts."""
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def stdout(self) -> str:
        """What was printed for people."""
        return (self.folder / "stdout").read_text(errors="replace")

    def children(self) -> dict[str, int]:
        """Process ids of the running children by name (`gateway-0`, `control`)."""
        told = json.loads((self.data_dir / "run" / "all.json").read_text())
        return dict(told["children"])

    def start(self, *, ready: bool = True) -> None:
        """Start, and wait until the proxy is ready unless told otherwise."""
        if not self._ports:
            self._ports = {name: free_port() for name in ("gateway", "admin", "health")}
        self._write_configuration()
        environ = {key: value for key, value in os.environ.items() if not key.startswith("TOS_PROXY_")}
        if self.command[1] != "proxy.cli":  # a fault planted in a module is not seen by what was compiled from it
            environ["TOS_PROXY_NATIVE"] = "0"
        environ |= {"PYTHONPATH": str(ROOT), "TOS_PROXY_CONFIG": str(self.folder / "tos-proxy.yaml"), **self.environ}
        with (self.folder / "stdout").open("ab") as out, (self.folder / "stderr").open("ab") as err:
            command = [sys.executable, *self.command]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environ, cwd=self.folder)
        if ready:
            self.wait_ready()

    def _write_configuration(self) -> None:
        base: dict[str, Any] = {
            "gateway": {"port": self._ports["gateway"], "deadlines": {"drain": "5s"}},
            "admin": {"port": self._ports["admin"], "token": self.token},
            "health": {"port": self._ports["health"]},
            "data_dir": str(self.data_dir),
            "upstreams": {name: {"base_url": self.upstream.url} for name in builtin_upstreams()},
        }
        (self.folder / "tos-proxy.yaml").write_text(yaml.safe_dump(_laid_over(base, self.configuration)))

    def wait_ready(self, seconds: float = PATIENCE) -> None:
        """Wait until /readyz answers 200.

        Raises: AssertionError with stderr when the process ends or the time is over.
        """
        until = time.monotonic() + seconds
        while self.get("/readyz")[0] != 200:
            assert self.process is not None
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.stderr}"
            assert time.monotonic() < until, f"not ready within {seconds} s: {self.get('/readyz')}\n{self.stderr}"
            time.sleep(0.03)

    def wait_admin(self) -> None:
        """Wait until the admin API answers: it begins after the gateway."""

        def answers() -> bool:
            try:
                self.api("/exchanges?limit=1")
            except OSError:
                return False
            return True

        self.until(answers)

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait for something, asking less and less often: who asks keeps busy what it waits for.

        Raises: AssertionError with stderr.
        """
        end, pause = time.monotonic() + seconds, 0.02
        while not condition():
            assert time.monotonic() < end, f"did not happen within {seconds} s\n{self.stderr}"
            time.sleep(pause)
            pause = min(1.5 * pause, 0.2)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the health listener, `(0, "")` when nobody listens."""
        try:
            with urllib.request.urlopen(self.health_url + path, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def api(self, path: str) -> Any:
        """What the admin API answers to a GET of `/api/v1` + path."""
        asked = urllib.request.Request(self.admin_url + "/api/v1" + path, headers={"authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return json.load(answer)

    def stop(self) -> int:
        """SIGTERM, and wait for the end. Returns the exit code."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def restart(self) -> None:
        """End in order and start again on the same ports and data folder."""
        assert self.stop() == 0, self.stderr
        self.start()

    def kill(self, role: str) -> None:
        """Kill -9 of `gateway | control | supervisor | all`. After the last two `start` begins anew; others come back by
        themselves.
        """
        pids = self.children()
        chosen = {
            "gateway": [pid for name, pid in pids.items() if name.startswith("gateway")],
            "control": [pids[name] for name in pids if name == "control"],
            "supervisor": [self.pid],
            "all": [self.pid, *pids.values()],
        }[role]
        for pid in chosen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.pid in chosen and self.process is not None:
            self.process.wait(PATIENCE)

    def finish(self) -> None:
        """End it if it runs, then check what every proxy must have done.

        Raises: AssertionError.
        """
        if self.process is not None and self.process.poll() is None:
            code = self.stop()
            assert code == 0, f"exit code {code}\n{self.stderr}"
        assert "Traceback" not in self.stderr, self.stderr
        if self.check_records:
            check_records(self)

    def abandon(self) -> None:
        """Make sure that nothing is left running, whatever happened."""
        if self.process is not None and self.process.poll() is None:
            with suppress(OSError, ValueError):
                self.kill("all")
            self.process.kill()
            self.process.wait(PATIENCE)


def seen_by(upstream: Upstream) -> list[Seen]:
    """The requests an upstream saw."""
    return upstream.seen() if isinstance(upstream, UpstreamProcess) else list(upstream.seen)


def check_records(server: ProxyServer) -> None:
    """Every whole request the upstream saw has an intent whose commitment opens to its body, and the ledger has no gap.

    Raises: AssertionError.
    """
    bodies = [seen.body for seen in seen_by(server.upstream) if seen.completed]
    spool, known = server.data_dir / "spool", secrets.load(server.data_dir, server.environ)
    wrong = unrecorded(spool, known, bodies) + unsaid(spool, known, [seen.said for seen in seen_by(server.upstream) if seen.said])
    assert not wrong, "\n".join(wrong)


def _laid_over(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, Mapping):
        return {**base, **{key: _laid_over(base.get(key), value) for key, value in over.items()}}
    return over


@contextmanager
def proxy_server(folder: Path, upstream: Upstream | None = None, **options: Any) -> Iterator[ProxyServer]:
    """A running proxy; options as the fields of `ProxyServer`. Without `upstream` it has one of its own, in a thread."""
    if upstream is None:
        with upstream_thread() as own, proxy_server(folder, own, **options) as server:
            yield server
        return
    folder.mkdir(parents=True, exist_ok=True)
    server = ProxyServer(folder, upstream, **options)
    try:
        server.start()
        yield server
        server.finish()
    finally:
        server.abandon()


StartProxy = Callable[..., ProxyServer]
