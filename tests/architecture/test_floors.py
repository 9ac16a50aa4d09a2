"""Imports only go down, pure packages stay pure, and the data plane stays light; every contract is shown to fail.

The contracts are in pyproject.toml, `[tool.importlinter]`. `make check` runs them on the tree; here each meets a planted violation.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, imports, module_of, parsed, python_files

CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
SEEDS = [
    ("floors", "core/clock.py", "import proxy.telemetry.names"),
    ("floors", "telemetry/names.py", "import proxy.ledger.record"),
    ("floors", "dialects/sse.py", "import proxy.ledger.record"),
    ("floors", "ledger/record.py", "import proxy.wire"),
    ("floors", "wire/chunked.py", "import proxy.gateway"),
    ("floors", "gateway/__init__.py", "import proxy.admin"),
    ("floors", "gateway/__init__.py", "import proxy.control.channel"),
    ("floors", "admin/__init__.py", "import proxy.control.channel"),
    ("floors", "control/channel.py", "import proxy.cli"),
    ("floors", "attic.py", "import proxy.core"),  # a module without a floor
    ("pure", "core/ids.py", "import asyncio"),
    ("pure", "dialects/sse.py", "import socket"),
    ("light-gateway", "gateway/__init__.py", "import proxy.ledger.tables"),  # sqlalchemy by a detour
    ("light-gateway", "wire/head.py", "import pydantic"),
    ("dialects-apart", "dialects/gemini/answers.py", "import proxy.dialects.openai"),
    ("bare-supervisor", "control/channel.py", "import msgspec"),
]
HEAVY = {
    "fastapi",
    "starlette",
    "uvicorn",
    "pydantic",
    "sqlalchemy",
    "alembic",
    "aiosqlite",
    "asyncpg",
    "redis",
    "httpx2",
    "typer",
    "rich",
    "jinja2",
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package that a test may spoil."""
    folder = tmp_path_factory.mktemp("house")
    for name in python_files("proxy"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """Check one contract on the package in a folder."""
    lint_imports = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint_imports, "--no-cache", "--contract", contract],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("contract", "file", "line"), SEEDS, ids=[f"{contract}: {file}: {line}" for contract, file, line in SEEDS])
def test_a_planted_violation_is_caught(copied: Path, contract: str, file: str, line: str) -> None:
    """One forbidden import breaks the contract that forbids it, by name."""
    spoiled = copied / "proxy" / file
    before = spoiled.read_text() if spoiled.exists() else None
    assert before is not None or file == "attic.py", f"the planted file is gone: {file}"
    spoiled.write_text(f"{before or ''}\n{line}\n")
    try:
        result = lint(copied, contract)
    finally:
        if before is None:
            spoiled.unlink()
        else:
            spoiled.write_text(before)
    assert result.returncode == 1, result.stdout + result.stderr
    assert CONTRACTS[contract] in result.stdout


def test_every_contract_has_a_planted_violation() -> None:
    """A contract that nothing can break would prove nothing."""
    assert {contract for contract, _, _ in SEEDS} == set(CONTRACTS)


def beyond_the_standard_library(imported: set[str]) -> set[str]:
    """What a core module may not import: all but the standard library, msgspec and core itself."""
    roots = {name.split(".")[0] for name in imported if not name.startswith("proxy.core")}
    return roots - set(sys.stdlib_module_names) - {"msgspec"}


def test_core_needs_only_the_standard_library_and_msgspec() -> None:
    """The vocabulary depends on nothing that could change under it."""
    for name in python_files("proxy"):
        if module_of(name).startswith("proxy.core"):
            assert not beyond_the_standard_library(imports(parsed(name))), name
    assert beyond_the_standard_library({"os", "msgspec", "proxy.core.ids", "proxy.wire", "yaml"}) == {"proxy", "yaml"}


def loaded_by(module: str) -> set[str]:
    """The top-level names of everything that importing a module loads, in a process of its own."""
    program = f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True).split())


@pytest.mark.parametrize("module", ["proxy.gateway.server", "proxy.control.supervisor"])
def test_the_data_plane_loads_no_framework(module: str) -> None:
    """Neither a gateway worker nor the supervisor loads a framework or a database, whatever way it might come."""
    assert not loaded_by(module) & HEAVY


def test_what_is_loaded_is_seen() -> None:
    """The look into a fresh process does find a framework where there is one."""
    assert "sqlalchemy" in loaded_by("proxy.ledger.tables")


def test_the_verifier_shares_nothing_with_the_writer() -> None:
    """A verifier of the ledger, once there is one, reads what the writer wrote without any of the writer's code."""
    verifiers = [name for name in python_files("proxy") if name == "proxy/ledger/verify.py"]
    assert not {name for verifier in verifiers for name in imports(parsed(verifier)) if name.startswith("proxy.ledger")}
