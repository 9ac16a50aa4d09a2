"""The files that the rules of the house look at: what git tracks or would track, read once.

Without git (an unpacked archive) the folder is walked instead, minus what .gitignore names.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {
    ".git",
    ".venv",
    ".sdk",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".import_linter_cache",
}


@cache
def files() -> tuple[str, ...]:
    """Every file of the project as a path relative to its root, sorted."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.splitlines()
    else:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if not SKIPPED & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def python_files(*folders: str) -> list[str]:
    """The Python files under the given top-level folders, all of them when none is given."""
    return [name for name in files() if name.endswith(".py") and (not folders or name.split("/", 1)[0] in folders)]


@cache
def text(name: str) -> str:
    """A file's text; bytes that are not UTF-8 become replacement characters."""
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


@cache
def parsed(name: str) -> ast.Module:
    """A Python file's syntax tree."""
    return ast.parse(text(name), filename=name)


def module_of(name: str) -> str:
    """`proxy/core/clock.py` is `proxy.core.clock`, `proxy/core/__init__.py` is `proxy.core`."""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(tree: ast.Module) -> set[str]:
    """Every module a file imports, at any depth; `from a import b` gives both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def expect_none(complaints: Iterable[str]) -> None:
    """Fail with the complaints, one a line and nothing else, when there are any."""
    if listed := list(complaints):
        pytest.fail("\n".join(listed), pytrace=False)
