"""What a running process costs, read from /proc (Linux only): CPU time in ns, memory in MiB, children by their command line."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def cpu_ns(pid: int) -> int:
    """CPU time of all threads, user and system, in ns.

    The scheduler's own counter is exact to the ns but leaves out threads that have ended; the processes measured here keep theirs.
    """
    return sum(threads_ns(pid).values()) or sum(user_system_ns(pid))


def threads_ns(pid: int) -> dict[int, int]:
    """CPU time of each thread by its id, in ns; the first thread's id is the process's."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found[int(task.name)] = int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return found


def user_system_ns(pid: int) -> tuple[int, int]:
    """CPU time in user and in system mode, in ns; exact to a clock tick (10 ms) only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) * TICK_NS, int(fields[12]) * TICK_NS


def memory_mib(pid: int) -> float:
    """Proportional set size: shared pages count in part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"no Pss for {pid}")


def children(pid: int) -> dict[int, str]:
    """The direct children of a process and their command lines."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
    return found


def pin(pid: int, core: int) -> None:
    """Keep all threads of a process on one core, when the machine has more than one."""
    if (os.cpu_count() or 1) < 2:
        return
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers_200(port: int, request: bytes) -> bool:
    """Whether one request, on a connection of its own, is answered with 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.settimeout(5)
            connection.sendall(request)
            return b" 200 " in connection.recv(65536)[:20]
    except OSError:
        return False


def until_200(port: int, request: bytes, seconds: float = 30.0) -> float:
    """Seconds until a request is answered with 200, asked again every 5 ms. Errors: TimeoutError."""
    started = time.monotonic()
    while not answers_200(port, request):
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"no 200 on port {port} within {seconds:.0f} s")
        time.sleep(0.005)
    return time.monotonic() - started


def require_linux() -> None:
    """Say plainly that these measurements need /proc."""
    if not sys.platform.startswith("linux"):
        sys.exit("benchmarks read CPU and memory from /proc, which only Linux has")
