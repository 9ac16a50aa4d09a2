"""The composition root: `python -m proxy.app supervisor PLAN | gateway OPTIONS | control OPTIONS | read | compile | describe |
job PATH`.

Every process imports only what it carries (docs/adr/0001-process-model.md), so imports stand inside the functions. Settings are
read here and in the CLI, nowhere else. These are not commands for people; `tos-proxy serve` starts them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run the process that `arguments` name. Returns its exit code."""
    match arguments:
        case ["supervisor", plan]:
            return _supervisor(plan)
        case ["gateway", "--worker", worker, "--data-dir", data_dir, "--listen", fds]:
            return _gateway(int(worker), Path(data_dir), [int(fd) for fd in fds.split(",") if fd])
        case ["control", "--listen", fds, *described]:
            return _control([int(fd) for fd in fds.split(",") if fd], int(described[-1]) if described else None)
        case ["read" | "compile" as what]:
            return _read() if what == "read" else _compile()
        case ["describe" | "job", *folder]:
            return _of_control(folder)
    sys.stderr.write("tos-proxy: python -m proxy.app is for tos-proxy serve alone\n")
    return 2


def _supervisor(plan: str) -> int:
    from proxy.control import supervisor
    from proxy.control.plan import Plan

    return supervisor.run(Plan.read(plan))


def _gateway(worker: int, data_dir: Path, fds: list[int]) -> int:
    import socket

    from proxy.app.judging import Judging, leasing_of
    from proxy.control import channel
    from proxy.control.child import UNUSABLE
    from proxy.core.errors import TosProxyError
    from proxy.gateway import server
    from proxy.wire.origin import WireSettingError

    end = channel.inherited()

    async def open_line(receive: channel.Receive, ended: channel.Ended) -> channel.Channel:
        assert end is not None
        return await channel.open_channel(end, receive, ended)

    listeners = [socket.socket(fileno=fd) for fd in fds]
    leasing = leasing_of(os.environ, data_dir, f"gateway-{worker}")
    judging = Judging(leasing.leases if leasing else None)
    try:
        return server.run(
            data_dir / "snapshot" / "current", data_dir, worker, listeners, judging, None if end is None else open_line, leasing
        )
    except (TosProxyError, OSError) as error:
        code = _failed(f"gateway-{worker}", error)
        return UNUSABLE if isinstance(error, WireSettingError) else code


def _failed(process: str, error: BaseException) -> int:
    from proxy.telemetry.diagnostics import Diagnostics

    Diagnostics(process).error("cannot start", reasons=str(error).split("\n"))
    return 1


def _control(fds: list[int], described: int | None) -> int:
    import asyncio
    import socket

    from proxy.app import control
    from proxy.core.errors import TosProxyError
    from proxy.telemetry.diagnostics import Diagnostics
    from proxy.telemetry.foreign import take_over

    take_over(Diagnostics("control"))
    try:
        return asyncio.run(control.run([socket.socket(fileno=fd) for fd in fds], described))
    except (TosProxyError, OSError) as error:
        return _failed("control", error)


def _read() -> int:
    """What a gateway has another process do: read long lines."""
    import signal
    import socket

    from proxy.gateway.reading import serve

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are the gateway's, which may need us until it has drained
    return serve(socket.socket(fileno=sys.stdin.fileno()))


def _of_control(folder: list[str]) -> int:
    """What control has another process do: describe the configuration, or the job in a folder."""
    if folder:
        from proxy.app.job import run

        return run(Path(folder[0]))
    from proxy.app.describing import describe

    return describe()


def _compile() -> int:
    from proxy.control.publisher import Publisher
    from proxy.core.errors import TosProxyError
    from proxy.settings.compiling import compile_configuration

    try:
        compiled = compile_configuration(os.environ, make=True)
        Publisher(compiled.settings.data_dir).configure(compiled.entries)
    except (TosProxyError, OSError) as error:
        return _failed("compile", error)
    return 0
