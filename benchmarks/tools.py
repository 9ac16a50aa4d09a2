"""The load generator and the mock upstream: the C programs of `BENCH=folder` when given, else the Python ones beside this file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.process import free_port, pin
from benchmarks.subjects import OTHER_CORE, ROOT, Subject


class FailedRunError(RuntimeError):
    """A run in which requests failed: no measurement."""


class Tools:
    """Starts the upstream on `port`; `load` runs the generator once."""

    def __init__(self, build: Path, bench: Path | None) -> None:
        self.kind = "C (BENCH)" if bench else "Python"
        self.port = free_port()
        if bench:
            build.mkdir(parents=True, exist_ok=True)
            for name in ("mock_upstream", "loadgen"):
                compiler = ["cc", "-O2", "-w", "-o", str(build / name), str(bench / f"{name}.c")]
                subprocess.run(compiler, check=True)
            self.generator = [str(build / "loadgen")]
            server = [str(build / "mock_upstream"), "--port", str(self.port)]
        else:
            self.generator = [sys.executable, "-m", "benchmarks.load"]
            server = [sys.executable, "-m", "benchmarks.mock_upstream", "--port", str(self.port)]
        self.upstream = subprocess.Popen(server, cwd=ROOT, stdout=subprocess.DEVNULL)
        time.sleep(0.7)
        pin(self.upstream.pid, OTHER_CORE)

    def begin(self, subject: Subject | None, body: Path, *options: str) -> subprocess.Popen[str]:
        """Start a run against a subject, or against the upstream itself."""
        where = ["-a", f"127.0.0.1:{subject.port if subject else self.port}", "-p", subject.path if subject else Subject.path]
        headers = [word for line in (subject.headers if subject else ()) for word in ("-H", line)]
        command = [*self.generator, *where, "-b", str(body), *headers, *options]
        run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        pin(run.pid, OTHER_CORE)
        return run

    def load(self, subject: Subject | None, body: Path, *options: str) -> dict[str, Any]:
        """One whole run."""
        return finish(self.begin(subject, body, *options))

    def stop(self) -> None:
        """End the upstream."""
        self.upstream.terminate()
        self.upstream.wait()


def finish(run: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a run; its result. A run with failed requests is no measurement."""
    result: dict[str, Any] = json.loads(run.communicate(timeout=180)[0])
    failed = result["bad"] + result["errs"] + result["unfinished"]
    if failed > result["ok"] // 100:
        kinds = ", ".join(
            f"{result[kind]} {word}" for kind, word in (("bad", "not 200"), ("errs", "broken"), ("unfinished", "unfinished"))
        )
        raise FailedRunError(f"{kinds}, beside {result['ok']} good ones {result['first_bad'][:300]}")
    return result
