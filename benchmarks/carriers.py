"""What a long upload costs everybody else: `python -m benchmarks.carriers [--lines 50000] [--chars 4000] [--streams 500]`.

In one run, against one proxy: streams alone, then the same streams while a batch file of that many lines goes through, each line of
which is read, judged and recorded. Prints the delay of the streams' chunks from the upstream's write to the client's read in both
halves, the seconds of the upload, and what the gateway's memory grew by. Nothing is asserted; the machine's load is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.proxy_server import ProxyServer
from tests.servers import free_port
from tests.torture.carriers_load import Streams, file_for, percentile

_ALONE_SECONDS = 10.0


class _Mock:
    """The canned upstream, by its address."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"


def peak_mib(pid: int, *, again: bool = False) -> float:
    """The most memory a process had, in MiB; `again` begins to count anew."""
    if again:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


async def measured(server: ProxyServer, lines: int, chars: int, width: int, purpose: str) -> None:
    """One run."""
    port, pid = int(server.gateway_url.rpartition(":")[2]), server.children()["gateway-0"]
    file = file_for(lines, chars, purpose)
    size, _ = file.measured()
    streams, over = Streams(port, width), asyncio.Event()
    running = asyncio.create_task(streams.run(over))
    await asyncio.sleep(3)
    streams.delays.clear()
    await asyncio.sleep(_ALONE_SECONDS)
    alone, streams.delays = streams.delays, []
    before = peak_mib(pid, again=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.torture.carriers_load", str(port), str(lines), str(chars), purpose]
    uploading = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    answer, _ = await uploading.communicate()
    seconds = time.monotonic() - began
    during = streams.delays
    after = peak_mib(pid)
    over.set()
    await running
    assert answer.startswith(b"HTTP/1.1 200"), f"{answer!r}\n{server.stderr[-3000:]}"
    say(f"load average {os.getloadavg()[0]:.1f}; {width} streams; {lines} lines, {size / 1e6:.0f} MB in {seconds:.1f} s")
    for name, delays in (("alone", alone), ("during the upload", during)):
        shares = ", ".join(f"p{share * 100:g} {percentile(delays, share):.2f} ms" for share in (0.5, 0.9, 0.99, 0.999))
        say(f"{name}: {len(delays)} chunks, {shares}, most {max(delays, default=0) / 1000:.1f} ms")
    say(f"p99 added: {percentile(during, 0.99) - percentile(alone, 0.99):+.2f} ms")
    say(f"gateway's peak memory: {before:.1f} MiB before, {after:.1f} MiB after: {after - before:+.1f}")


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.carriers", description=__doc__)
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--chars", type=int, default=4000, help="of each line's prompt")
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument(
        "--purpose", default="batch", help="`vision`: the same bytes, of which no line is read; `gemini`: up to 2 GiB"
    )
    told = parser.parse_args()
    port = free_port()
    mock = subprocess.Popen([sys.executable, "-m", "benchmarks.mock_upstream", "--port", str(port)])
    with tempfile.TemporaryDirectory(prefix="tos-proxy-carriers-") as folder:
        server = ProxyServer(Path(folder), _Mock(port), check_records=False)  # type: ignore[arg-type] # only its address is asked for
        try:
            server.start()
            asyncio.run(measured(server, told.lines, told.chars, told.streams, told.purpose))
            server.finish()
        finally:
            server.abandon()
            mock.terminate()
            mock.wait()


if __name__ == "__main__":
    main()
