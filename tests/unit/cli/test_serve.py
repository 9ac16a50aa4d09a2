"""`tos-proxy serve`, up to the moment it becomes the supervisor."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.cli.serve import child_environment, prepare
from proxy.control.publisher import Publisher
from proxy.documents.problems import ConfigurationError
from tests.proxy_server import ProxyServer, StartProxy
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TOS_PROXY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_prepared(tmp_path: Path) -> None:
    """The first snapshot is published and the token made, once, readable by its owner alone."""
    plan = prepare("all", time.time())
    assert (plan.port, plan.admin, plan.token_new) == (8080, True, True)
    assert Publisher(tmp_path / "tos-proxy-data").number() == 1
    assert plan.token_file is not None
    assert stat.S_IMODE(Path(plan.token_file).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tos-proxy-data").stat().st_mode) == 0o700
    again = prepare("all", time.time())
    assert (again.token_file, again.token_new) == (plan.token_file, False)
    assert "token" not in again.write().replace("token_file", "").replace("token_new", "").replace("admin.token", "")


def test_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway alone ships only to a database that many share, and never serves admin."""
    assert prepare("gateway", 0.0).control is False
    monkeypatch.setenv("TOS_PROXY_DATABASE_URL", "postgresql://h/n")
    plan = prepare("gateway", 0.0)
    assert (plan.control, plan.admin) == (True, False)


def test_self_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """--tls-self-signed makes a certificate and tells the gateway of it."""
    monkeypatch.setenv("TOS_PROXY_GATEWAY__TLS__CERTIFICATE", "")
    monkeypatch.delenv("TOS_PROXY_GATEWAY__TLS__CERTIFICATE")
    monkeypatch.setenv("TOS_PROXY_GATEWAY__TLS__KEY", "")
    monkeypatch.delenv("TOS_PROXY_GATEWAY__TLS__KEY")
    assert prepare("all", 0.0, self_signed=True).tls
    assert Path(os.environ["TOS_PROXY_GATEWAY__TLS__CERTIFICATE"]).exists()


def test_certificates_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line before anything starts, not a gateway that ends again and again; control alone does not need the files."""
    (tmp_path / "c.pem").write_text("no certificate")
    with monkeypatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", "nowhere.pem")
        with pytest.raises(ConfigurationError, match=r"^SSL_CERT_FILE names nowhere.pem, which does not exist$"):
            prepare("gateway", 0.0)
    for prefix, whose in (("GATEWAY__TLS__", "gateway.tls"), ("UPSTREAMS__OPENAI__CLIENT_", "upstreams.openai")):
        for file, why in (("nowhere.pem", "does not exist"), ("c.pem", "not a PEM certificate and key")):
            with monkeypatch.context() as patch:
                patch.setenv(f"TOS_PROXY_{prefix}CERTIFICATE", file)
                patch.setenv(f"TOS_PROXY_{prefix}KEY", file)
                with pytest.raises(ConfigurationError, match=f"{whose}: TLS file.* {why}"):
                    prepare("gateway", 0.0)
                assert prepare("control", 0.0).control


def test_a_gateway_that_cannot_use_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has become unusable since it was checked ends the supervisor by itself: 2, and its line once, not for ever."""
    for name in ("GATEWAY", "ADMIN", "HEALTH"):
        monkeypatch.setenv(f"TOS_PROXY_{name}__PORT", "0")
    plan = replace(prepare("all", 0.0), described=None)
    environ = {**child_environment(), "SSL_CERT_FILE": "gone.pem"}
    command = [*plan.python, "supervisor", plan.write()]
    ran = subprocess.run(command, env=environ, capture_output=True, timeout=PATIENCE, check=False)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.count(b"SSL_CERT_FILE names gone.pem, which does not exist") == 1
    assert b'"child": "control"' not in ran.stderr


def test_a_checkout_names_itself() -> None:
    """Children find the package though the current folder is not on their path."""
    assert (Path(child_environment()["PYTHONPATH"].split(os.pathsep)[0]) / "proxy" / "app").is_dir()


def test_a_foreign_proxy_in_the_folder_is_no_trap(start_proxy: StartProxy) -> None:
    """A file `proxy.py` in the folder where the proxy is started does not shadow the package."""
    server: ProxyServer = start_proxy()
    (server.folder / "proxy.py").write_text("raise SystemExit('the wrong one')")
    before = server.children()["gateway-0"]
    server.kill("gateway")
    server.until(lambda: server.children().get("gateway-0", before) != before)
    server.wait_ready()
