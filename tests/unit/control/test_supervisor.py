"""The supervisor from outside: real processes, real signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from pathlib import Path

from tests.proxy_server import ProxyServer, StartProxy, seen_by
from tests.waiting import PATIENCE, wait_until


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ask(server: ProxyServer, words: str = "hello", **more: object) -> http.client.HTTPConnection:
    """A connection on which a chat request was sent."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.gateway_url.rpartition(":")[2]), timeout=PATIENCE)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": words}], **more})
    headers = {"content-type": "application/json", "authorization": "Bearer sk-x"}
    connection.request("POST", "/openai/v1/chat/completions", body, headers)
    return connection


def exchange(server: ProxyServer) -> int:
    """Status of one chat request through the gateway."""
    connection = ask(server)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_serves_and_says_where(proxy_server: ProxyServer) -> None:
    """A started proxy serves, and has told a person where."""
    assert exchange(proxy_server) == 200
    for told in (f"OPENAI_BASE_URL={proxy_server.gateway_url}/openai/v1", proxy_server.admin_url, str(proxy_server.data_dir)):
        assert told in proxy_server.stdout


def test_killed_children_come_back(proxy_server: ProxyServer) -> None:
    """A killed gateway and a killed control process are replaced; a request sent meanwhile is served by the successor."""
    before = proxy_server.children()
    proxy_server.kill("gateway")
    assert exchange(proxy_server) == 200
    proxy_server.kill("control")
    wait_until(lambda: len(proxy_server.children()) == 2 and not set(before.values()) & set(proxy_server.children().values()))
    metrics = proxy_server.get("/metrics")[1]
    assert 'tos_proxy_child_starts_total{process="gateway-0"} 2' in metrics


def test_gateway_goes_on_without_control(proxy_server: ProxyServer) -> None:
    """Without control the proxy stays ready and serves."""
    os.kill(proxy_server.children()["control"], signal.SIGSTOP)
    assert exchange(proxy_server) == 200
    assert proxy_server.get("/readyz")[0] == 200
    proxy_server.kill("control")


def test_killed_supervisor_takes_its_children_along(proxy_server: ProxyServer) -> None:
    """Children of a killed supervisor end by themselves, and a new one on the same ports serves at once."""
    pids = list(proxy_server.children().values())
    proxy_server.kill("supervisor")
    proxy_server.start()
    assert exchange(proxy_server) == 200
    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_drain_lets_a_stream_end(proxy_server: ProxyServer) -> None:
    """After SIGTERM readiness is gone at once, an open answer is delivered whole, and then all processes end with 0."""
    pids = [proxy_server.pid, *proxy_server.children().values()]
    connection = ask(proxy_server, "[[script: chunks=10 delay_ms=250]]", stream=True)
    answer = connection.getresponse()
    first = answer.read1(10)
    os.kill(proxy_server.pid, signal.SIGTERM)
    wait_until(lambda: proxy_server.get("/readyz")[0] == 503)
    assert (first + answer.read()).endswith(b"data: [DONE]\n\n")
    connection.close()
    assert proxy_server.process is not None
    assert proxy_server.process.wait(PATIENCE) == 0
    assert not any(alive(pid) for pid in pids)


def test_goes_on_accepting_for_a_while(start_proxy: StartProxy) -> None:
    """With a drain delay, a request that comes after readiness is gone is served; a second signal ends the wait."""
    server = start_proxy(configuration={"gateway": {"deadlines": {"drain_delay": "300s"}}})
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: server.get("/readyz")[0] == 503)
    connection = ask(server)
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection")) == (200, "close")
    answer.read()
    connection.close()
    os.kill(server.pid, signal.SIGTERM)
    assert server.process is not None
    assert server.process.wait(PATIENCE) == 0


def test_second_signal_hurries(start_proxy: StartProxy) -> None:
    """A second SIGINT ends a drain that would take minutes, still with exit code 0."""
    server = start_proxy(configuration={"gateway": {"deadlines": {"drain": "300s"}}})
    connection = ask(server, "[[script: head_delay_ms=60000]]")
    wait_until(lambda: seen_by(server.upstream))
    assert server.process is not None
    os.kill(server.pid, signal.SIGINT)
    wait_until(lambda: server.get("/readyz")[0] == 503)
    assert server.process.poll() is None
    os.kill(server.pid, signal.SIGINT)
    assert server.process.wait(PATIENCE) == 0
    connection.close()


def test_taken_port_is_one_line(start_proxy: StartProxy, tmp_path: Path) -> None:
    """A port that is taken ends the start with one line that names the port and what to change."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = ProxyServer(
            tmp_path / "taken", start_proxy().upstream, configuration={"gateway": {"port": port}}, check_records=False
        )
        server.folder.mkdir()
        server.start(ready=False)
        assert server.process is not None
        assert server.process.wait(PATIENCE) == 1
    line = (
        f"tos-proxy: gateway cannot listen on 127.0.0.1:{port}: the port is taken by another process; change it with gateway.port, "
    )
    assert server.stderr.startswith(line)
    assert server.stderr.count("\n") == 1


def test_one_supervisor_a_folder(proxy_server: ProxyServer) -> None:
    """A second `serve` on the same data folder is refused in one line and leaves the first alone."""
    second = ProxyServer(proxy_server.folder, proxy_server.upstream)
    second.start(ready=False)
    assert second.process is not None
    assert second.process.wait(PATIENCE) == 1
    assert f"another tos-proxy (process {proxy_server.pid}) already serves" in second.stderr
    assert proxy_server.get("/readyz")[0] == 200


def test_configuration_follows_its_file(proxy_server: ProxyServer) -> None:
    """A changed file is in force within seconds; a bad one keeps the last good set, says so, and a good one ends that."""
    file = proxy_server.folder / "tos-proxy.yaml"
    good = file.read_text()

    def metric(name: str) -> str:
        page = proxy_server.get("/metrics")[1]
        return next((line.rpartition(" ")[2] for line in page.splitlines() if line.startswith(name)), "")

    file.write_text(good + "principals:\n  alice: {keys: ['key:" + "ab" * 32 + "'], purpose: use.product}\n")
    wait_until(lambda: metric("tos_proxy_snapshot_number") == "2")
    file.write_text("gatway: {}\n")
    wait_until(lambda: metric("tos_proxy_configuration_bad") == "1")
    wait_until(lambda: "unknown key (did you mean gateway?)" in proxy_server.stderr)
    assert metric("tos_proxy_snapshot_number") == "2"
    assert exchange(proxy_server) == 200
    file.write_text(good)
    wait_until(lambda: metric("tos_proxy_snapshot_number") == "3")
    wait_until(lambda: metric("tos_proxy_configuration_bad") == "0")
