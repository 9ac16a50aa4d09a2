"""What is measured: nginx as a plain reverse proxy, and `tos-proxy serve` as a user starts it.

Core 0 belongs to the process that is measured, core 1 to everything else: load, upstream, and tos-proxy's control process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.process import children, free_port, pin, until_200

ROOT = Path(__file__).resolve().parents[1]
MEASURED_CORE, OTHER_CORE = 0, 1
NGINX = """
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_buffer_size 256k; client_max_body_size 100m; keepalive_requests 1000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 2048; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096{listen};
    {extra}
    location / {{ proxy_pass {scheme}://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


class Subject:
    """A proxy that can be started, found by its measured process, and ended."""

    name = ""
    path = "/v1/chat/completions"
    headers: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.pid = 0
        folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> tuple[list[str], dict[str, str]]:
        """The command line, and what the environment has besides."""
        raise NotImplementedError

    def launch(self) -> None:
        """Start the process, without waiting for it."""
        command, environment = self.command()
        with (self.folder / "diagnostics.txt").open("wb") as output:
            self.process = subprocess.Popen(
                command, env={**os.environ, **environment}, cwd=self.folder, stdout=output, stderr=output, start_new_session=True
            )

    def start(self, body: bytes) -> float:
        """Start, wait for the first 200, pin; gives the seconds from start to that answer."""
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Content-Type: application/json",
            "Connection: close",
        ]
        head = "\r\n".join([*lines, *self.headers, f"Content-Length: {len(body)}", "", ""])
        self.launch()
        try:
            seconds = until_200(self.port, head.encode() + body)
        except TimeoutError as error:
            self.stop()
            sys.exit(f"{self.name}: {error}\n{(self.folder / 'diagnostics.txt').read_text()[-2000:]}")
        self.find()
        return seconds

    def find(self) -> None:
        """Set `pid` to the measured process and pin everything."""
        assert self.process is not None
        self.pid = self.process.pid
        pin(self.pid, MEASURED_CORE)

    def stop(self) -> None:
        """End it, kindly first."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nginx(Subject):
    """nginx, one worker, nothing buffered, nothing logged. `tls`: to the upstream; `listen_tls`: the upstream's own TLS end."""

    name = "nginx"

    def __init__(self, folder: Path, upstream: int, *, tls: bool = False, listen_tls: tuple[Path, Path] | None = None) -> None:
        super().__init__(folder)
        self.upstream, self.tls, self.listen_tls = upstream, tls, listen_tls

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Write the configuration and give the command."""
        nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if nginx is None:
            sys.exit("nginx is the yardstick and is missing: apt-get install -y nginx")
        extra = "".join(
            f"{word} {path};" for word, path in zip(("ssl_certificate", "ssl_certificate_key"), self.listen_tls or (), strict=False)
        )
        configuration = self.folder / "nginx.conf"
        configuration.write_text(
            NGINX.format(
                upstream=self.upstream,
                port=self.port,
                listen=" ssl" if self.listen_tls else "",
                scheme="https" if self.tls else "http",
                extra=extra,
            )
        )
        return [nginx, "-p", str(self.folder), "-c", str(configuration)], {}


class TosProxy(Subject):
    """`tos-proxy serve` with one gateway worker on the embedded default, a fresh data folder and one upstream."""

    name = "tos-proxy"
    path = "/openai/v1/chat/completions"
    headers = ("Authorization: Bearer sk-measurement-00000000000000000000",)

    def __init__(self, folder: Path, upstream: str, certificate: Path | None = None, program: tuple[str, ...] = ()) -> None:
        """`program`: what stands in for the command `tos-proxy`."""
        super().__init__(folder)
        self.upstream, self.certificate, self.control = upstream, certificate, 0
        self.program = program or (str(Path(sys.executable).with_name("tos-proxy")),)

    def command(self) -> tuple[list[str], dict[str, str]]:
        """The command a user runs, all of it configured by the environment."""
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        environment = {
            "PYTHONPATH": str(ROOT),
            "TOS_PROXY_DATA_DIR": str(data),
            "TOS_PROXY_GATEWAY__PORT": str(self.port),
            "TOS_PROXY_ADMIN__PORT": str(free_port()),
            "TOS_PROXY_HEALTH__PORT": str(free_port()),
            "TOS_PROXY_UPSTREAMS__OPENAI__BASE_URL": self.upstream,
        }
        if self.certificate:
            environment["SSL_CERT_FILE"] = str(self.certificate)
        return [*self.program, "serve"], environment

    def find(self) -> None:
        """The gateway worker is what is measured; supervisor and control go to the other core."""
        assert self.process is not None
        pin(self.process.pid, OTHER_CORE)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            found = children(self.process.pid)
            self.pid = next((pid for pid, command in found.items() if " gateway " in command), 0)
            self.control = next((pid for pid, command in found.items() if " control " in command), 0)
            if self.pid and self.control:
                break
            time.sleep(0.05)
        if not self.pid:
            sys.exit(f"no gateway worker among {children(self.process.pid)}")
        pin(self.pid, MEASURED_CORE)
        if self.control:
            pin(self.control, OTHER_CORE)
