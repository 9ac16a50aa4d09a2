"""The cases: each runs once on nginx and once on tos-proxy and gives figures by name. `x` in a name is a ratio to nginx.

µs are CPU of the gateway process alone (its threads included) unless a name says otherwise; control is counted apart.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.process import cpu_ns, memory_mib
from benchmarks.subjects import Nginx, Subject, TosProxy
from benchmarks.tools import Tools, finish

Figures = dict[str, float]
BUSY_CONNECTIONS = "32"


class Bench:
    """The two subjects, running, with what drives them."""

    def __init__(self, tools: Tools, nginx: Subject, ours: Subject, made: dict[str, Path], folder: Path, seconds: float) -> None:
        self.tools, self.nginx, self.ours, self.bodies, self.folder, self.seconds = tools, nginx, ours, made, folder, seconds
        self.extra: list[Subject] = []
        self.over_tls: tuple[Subject, Subject] | None = None
        self.ships: TosProxy | None = None

    def start(self) -> Figures:
        """Start both, ours three times over.

        Gives the seconds from start to the first served request, MiB when idle, and MiB that open streams add to a fresh process.
        """
        body = self.bodies["chat_1k"].read_bytes()
        self.nginx.start(body)
        seconds = []
        for again in (True, True, False):
            seconds.append(self.ours.start(body))
            if again:
                self.ours.stop()
        time.sleep(1)
        idle = {"idle MiB nginx": memory_mib(self.nginx.pid), "idle MiB": memory_mib(self.ours.pid)}
        return {"start s": sorted(seconds)[1], **idle, **memory(self)}

    def stop(self) -> None:
        """End everything that was started."""
        for subject in (*self.extra, self.ships, self.ours, self.nginx):
            if subject is not None:
                subject.stop()
        self.tools.stop()

    def costed(self, subject: Subject, body: str, *how: str) -> tuple[float, dict[str, Any]]:
        """One run; CPU of the subject in µs, and the run's result."""
        before = cpu_ns(subject.pid)
        result = self.tools.load(subject, self.bodies[body], *how)
        return (cpu_ns(subject.pid) - before) / 1000, result


def settled(pid: int, seconds: float = 60.0) -> None:
    """Wait until a process has nothing left to do (under 5 % of a core for two half seconds: another may have had its core)."""
    deadline, idle = time.monotonic() + seconds, 0
    while idle < 2 and time.monotonic() < deadline:
        before = cpu_ns(pid)
        time.sleep(0.5)
        idle = idle + 1 if cpu_ns(pid) - before < 25_000_000 else 0


def per_request(bench: Bench, body: str, label: str, pair: tuple[Subject, Subject] | None = None) -> Figures:
    """CPU per request, closed loop."""
    cost = []
    for subject in pair or (bench.nginx, bench.ours):
        bench.tools.load(subject, bench.bodies[body], "-c", BUSY_CONNECTIONS, "-d", "0.5")  # warm connections and caches
        spent, result = bench.costed(subject, body, "-c", BUSY_CONNECTIONS, "-d", str(bench.seconds))
        cost.append(spent / max(1, result["ok"]))
    return {f"{label} µs nginx": cost[0], f"{label} µs": cost[1], f"{label} x": cost[1] / cost[0]}


def small(bench: Bench) -> Figures:
    """1 KB bodies, and what control spends on each exchange until it has caught up."""
    if not isinstance(bench.ours, TosProxy):
        return per_request(bench, "chat_1k", "1 KB")
    settled(bench.ours.control)
    figures = per_request(bench, "chat_1k", "1 KB")
    return {**figures, **controlled(bench, bench.ours, "control µs")}


def controlled(bench: Bench, subject: TosProxy, name: str) -> Figures:
    """What control spends on each exchange until it has caught up."""
    settled(subject.control)
    before = cpu_ns(subject.control)
    result = bench.tools.load(subject, bench.bodies["chat_1k"], "-c", BUSY_CONNECTIONS, "-d", str(bench.seconds))
    settled(subject.control)
    return {name: (cpu_ns(subject.control) - before) / 1000 / max(1, result["ok"]), "requests/s": result["rps"]}


def shipping(bench: Bench) -> Figures:
    """The same where control ships and draws no conclusions: its own proxy, for the others are as their users have them."""
    if bench.ships is None:
        program = (sys.executable, "-m", "benchmarks.ship_only", "alone")
        bench.ships = TosProxy(bench.folder / "ships", f"http://127.0.0.1:{bench.tools.port}", program=program)
        bench.ships.start(bench.bodies["chat_1k"].read_bytes())
    return controlled(bench, bench.ships, "control ships µs")


def streams(bench: Bench, count: int, body: str, seconds: float, ramp: float) -> Figures:
    """CPU per chunk, and the one-way delay added to the same streams taken directly."""
    how = ("-c", str(count), "-d", str(seconds), "-w", str(ramp))
    direct = bench.tools.load(None, bench.bodies[body], *how)
    cost, delay = [], []
    for subject in (bench.nginx, bench.ours):
        spent, result = bench.costed(subject, body, *how)
        cost.append(spent / max(1, result["chunks"]))
        delay.append({at: result["oneway_us"][at] - direct["oneway_us"][at] for at in ("p50", "p99")})
    label = f"SSE {count}"
    return {
        f"{label} µs/chunk nginx": cost[0],
        f"{label} µs/chunk": cost[1],
        f"{label} x": cost[1] / cost[0],
        f"{label} one-way p50 +µs nginx": delay[0]["p50"],
        f"{label} one-way p50 +µs": delay[1]["p50"],
        f"{label} one-way p99 +µs": delay[1]["p99"],
    }


def latency(bench: Bench) -> Figures:
    """What is added to p50 and p99 at 50 requests a second."""
    how = ("-c", "8", "-d", "4", "-r", "50")
    found = [bench.tools.load(subject, bench.bodies["chat_1k"], *how)["lat_us"] for subject in (None, bench.nginx, bench.ours)]
    direct, nginx, ours = found
    return {f"50/s {at} +µs{tail}": one[at] - direct[at] for at in ("p50", "p99") for tail, one in ((" nginx", nginx), ("", ours))}


def memory(bench: Bench) -> Figures:
    """What 1,000 open streams add, in MiB."""
    figures = {}
    for subject, tail in ((bench.nginx, " nginx"), (bench.ours, "")):
        before = memory_mib(subject.pid)
        run = bench.tools.begin(subject, bench.bodies["sse_20x250"], "-c", "1000", "-d", "4", "-w", "2")
        time.sleep(4)
        figures[f"1000 streams +MiB{tail}"] = memory_mib(subject.pid) - before
        finish(run)
    return figures


def tls(bench: Bench) -> Figures:
    """1 KB bodies to an upstream behind TLS (an nginx that is not measured ends the TLS before the mock)."""
    if bench.over_tls is None:
        certificate, key = self_signed(bench.folder)
        end = Nginx(bench.folder / "tls-end", bench.tools.port, listen_tls=(certificate, key))
        nginx = Nginx(bench.folder / "tls-nginx", end.port, tls=True)
        plain = isinstance(bench.ours, Nginx)
        ours: Subject
        if plain:
            ours = Nginx(bench.folder / "tls-ours", end.port, tls=True)
        else:
            ours = TosProxy(bench.folder / "tls-ours", f"https://localhost:{end.port}", certificate)
        bench.extra = [ours, nginx, end]
        end.launch()
        body = bench.bodies["chat_1k"].read_bytes()
        nginx.start(body)
        ours.start(body)
        bench.over_tls = (nginx, ours)
    return per_request(bench, "chat_1k", "1 KB TLS", bench.over_tls)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and 127.0.0.1, valid for a day, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(
            issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=x509.random_serial_number()
        )
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


ALL: dict[str, Callable[[Bench], Figures]] = {
    "1k": small,
    "ship": shipping,
    "10k": lambda bench: per_request(bench, "chat_10k", "10 KB"),
    "100k": lambda bench: per_request(bench, "chat_100k", "100 KB"),
    "sse100": lambda bench: streams(bench, 100, "sse_100x20", 3, 0.5),
    "sse1000": lambda bench: streams(bench, 1000, "sse_20x250", 4, 2),
    "latency": latency,
    "tls": tls,
}
