"""The image's steps, carried out without an engine: in a clean Debian root by chroot, and the result started as it would be."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.demo.upstream import upstream_process
from tests.architecture.tree import ROOT
from tests.deployment.dockerfile import Image, parse
from tests.servers import free_port

START_SECONDS = 60.0
SUITE = "bookworm"
INCLUDED = "python3,python3-venv,python3-dev,ca-certificates"

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root"),
    pytest.mark.skipif(shutil.which("debootstrap") is None, reason="debootstrap is not installed (apt-get install -y debootstrap)"),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The last stage, built. Debian's Python stands for the base image's."""
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base"
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={INCLUDED}", SUITE, str(base)], check=True, timeout=900)
    for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
        shutil.copy(Path("/", name).resolve(), base / name)
    images: dict[str, Image] = {}
    for number, stage in enumerate(parse((ROOT / "Dockerfile").read_text())):
        (folder / str(number)).mkdir()
        images[stage.name] = Image(stage, folder / str(number), base)
        images[stage.name].build(ROOT, images)
    yield images[""]
    shutil.rmtree(folder, ignore_errors=True)


def test_nothing_is_left_of_building(image: Image) -> None:
    """No compiler, no installer, no cache, no build tool; and the user of the image can change nothing of the program."""
    program = image.folder / "usr/local/lib/tos-proxy"
    names = {path.name.partition("-")[0] for path in program.glob("lib/python3*/site-packages/*")}
    assert {"proxy", "uvloop", "fastapi"} <= names
    assert not names & {"pip", "hatchling", "setuptools", "editables", "pytest"}
    assert not (image.folder / "usr/bin/gcc").exists()
    assert not list(image.folder.glob("root/.cache/*"))
    assert not [
        path for path in program.rglob("*") if path.lstat().st_uid != 0 or (not path.is_symlink() and path.stat().st_mode & 0o022)
    ]
    assert list(program.glob("lib/python3*/site-packages/proxy/__pycache__/*.pyc"))
    ran = subprocess.run(
        [
            "chroot",
            str(image.folder),
            "/usr/local/lib/tos-proxy/bin/python",
            "-c",
            "from proxy import native; print(len(native.fitting()))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ran.stdout) > 40


def test_it_runs(image: Image, tmp_path: Path) -> None:
    """As its user, on a read-only root with a volume: ready, its health check green, an exchange through, and an end in order."""
    user = int(image.stage.last("USER").partition(":")[0])
    volume = tmp_path / "records"
    volume.mkdir(mode=0o700)
    os.chown(volume, user, user)
    ports = {name: free_port() for name in ("GATEWAY", "HEALTH", "ADMIN")}
    with upstream_process() as upstream:
        environment = {f"TOS_PROXY_{name}__PORT": str(port) for name, port in ports.items()}
        environment |= {"TOS_PROXY_UPSTREAMS__OPENAI__BASE_URL": upstream.url}
        running = image.start(image.stage.command, environment, volume)
        try:
            _until_healthy(image, environment, volume, running)
            assert Path(f"/proc/{running.pid}/status").read_text().partition("Uid:\t")[2].startswith(f"{user}\t{user}\t")
            assert "x-tos-record" in _exchange(ports["GATEWAY"])
            running.send_signal(getattr(signal, image.stage.last("STOPSIGNAL")))
            said, _ = running.communicate(timeout=30)
            assert running.returncode == 0, said.decode()
            assert b"Traceback" not in said
        finally:
            running.kill()
    assert (volume / "store.db").stat().st_uid == user


def _until_healthy(image: Image, environment: dict[str, str], volume: Path, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        asked = image.start(image.stage.health_command, environment, volume)
        said, _ = asked.communicate(timeout=30)
        if asked.returncode == 0:
            assert said.startswith(b"ready")
            return
        assert running.poll() is None, running.communicate()[0].decode()
        assert time.monotonic() < until, said.decode()
        time.sleep(0.2)


def _exchange(port: int) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
    connection.request(
        "POST", "/openai/v1/chat/completions", body, {"content-type": "application/json", "authorization": "Bearer sk-x"}
    )
    answer = connection.getresponse()
    assert answer.status == 200
    answer.read()
    connection.close()
    return {name.lower(): value for name, value in answer.getheaders()}
