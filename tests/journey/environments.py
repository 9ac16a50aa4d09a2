"""The environments of the real clients: `.sdk/<name>/`, made from the lock files in `sdks/`, each once per content of its lock.

    python tests/journey/environments.py        # make them all; what is there already stays

Names: `python-older` and `python-newer` (openai, anthropic, google-genai of two generations), `python-hosts` (the SDKs of other
hosts), `node` (the npm SDKs). `uv` is used when it is installed, otherwise `venv` and `pip`; both check every hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).parent / "sdks"
HOME = Path(__file__).parents[2] / ".sdk"
PYTHONS = ("python-older", "python-newer", "python-hosts")
NODE_AT_LEAST = 20


class MissingToolError(RuntimeError):
    """A tool that this machine does not have; the text names it and the command that installs it."""


def node() -> str:
    """The path of Node.

    Errors: MissingToolError when there is none, it is too old, or npm is missing.
    """
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise MissingToolError("node and npm are not installed: apt-get install nodejs npm")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < NODE_AT_LEAST:
        raise MissingToolError(f"node {version} is too old, {NODE_AT_LEAST} or newer is needed: apt-get install nodejs npm")
    return found


def python(name: str) -> Path:
    """The interpreter of a Python environment, which is made if need be."""
    return ensure(name) / "bin" / "python"


def ensure(name: str) -> Path:
    """The folder of an environment, which is made if it is missing or its lock has changed.

    Errors: MissingToolError; subprocess.CalledProcessError when an installer fails (its output is on the terminal).
    """
    HOME.mkdir(exist_ok=True)
    folder = HOME / name
    with (HOME / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = folder / "stamp"
        wanted = _stamp(name)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _make_node(folder) if name == "node" else _make_python(name, folder)
            stamp.write_text(wanted)
    return folder


def _stamp(name: str) -> str:
    sources = ("package.json", "package-lock.json") if name == "node" else (f"{name}.txt",)
    content = b"".join((LOCKS / source).read_bytes() for source in sources)
    return hashlib.sha256(content + sys.version.encode()).hexdigest()


def _make_python(name: str, folder: Path) -> None:
    locked = ["--require-hashes", "--requirement", str(LOCKS / f"{name}.txt")]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked])
        return
    _run([uv, "venv", "--quiet", "--no-config", "--python", sys.executable, str(folder)])
    _run([uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *locked])


def _make_node(folder: Path) -> None:
    node()
    folder.mkdir()
    for source in ("package.json", "package-lock.json"):
        shutil.copy(LOCKS / source, folder)
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)


def _run(command: list[str], folder: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=folder, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"}, stdin=subprocess.DEVNULL)


def main() -> None:
    """Make every environment."""
    for name in PYTHONS:
        ensure(name)
    try:
        ensure("node")
    except MissingToolError as error:
        sys.stderr.write(f"the Node journeys will be skipped: {error}\n")


if __name__ == "__main__":
    main()
