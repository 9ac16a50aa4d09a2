"""Tests mirror the code, and what runs per request or chunk has a benchmark.

`proxy/wire/head.py` is tested by `tests/unit/wire/test_head.py`. What is tested elsewhere stands in `tested_elsewhere.txt` with the
place; the list may only shrink: an entry that nothing needs any more is an error. A module of declarations alone (types, constants,
protocols) has nothing to run and needs no test.
"""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.architecture.rules import functions
from tests.architecture.tree import expect_none, files, imports, module_of, parsed, python_files, text

LIST = "tests/architecture/tested_elsewhere.txt"
HOT = ("proxy.wire", "proxy.dialects", "proxy.gateway", "proxy.ledger.recorder")
"""What runs on every request or chunk: a benchmark imports each of these, or something in it. The recorder brings spool and sealing
with it; the gateway process as a whole is measured beside nginx by benchmarks/compare.py."""


def mirror_of(name: str) -> str:
    """Where the unit test of a module belongs."""
    path = PurePosixPath(name)
    return str(PurePosixPath("tests/unit", *path.parts[1:-1], f"test_{path.name}"))


def does_something(tree: ast.Module) -> bool:
    """Whether a module has a function with a body: not only types, constants and protocols."""
    return any(not isinstance(function.body[-1], ast.Expr) or len(function.body) > 2 for function in functions(tree))


def listed_places(listed: str) -> dict[str, str]:
    """Module, or folder ending in a slash, to the file or folder where it is tested."""
    lines = [line.split("\t") for line in listed.splitlines() if line and not line.startswith("#")]
    return {module: place for module, place, _reason in lines}


def out_of_step(modules: list[str], existing: set[str], elsewhere: dict[str, str]) -> list[str]:
    """Modules without their test, and entries of the list that have had their day."""
    folders = {str(parent) for name in existing for parent in PurePosixPath(name).parents}
    missing = [name for name in modules if mirror_of(name) not in existing]
    covered = {
        entry: [name for name in missing if name == entry or (entry[-1] == "/" and name.startswith(entry))] for entry in elsewhere
    }
    excused = {name for names in covered.values() for name in names}
    bad = [f"{name}: no {mirror_of(name)}" for name in missing if name not in excused]
    bad += [f"{entry}: nothing needs this entry any more, strike it from the list" for entry, names in covered.items() if not names]
    bad += [f"{entry}: {place} does not exist" for entry, place in elsewhere.items() if place not in existing | folders]
    return bad


def test_every_module_has_its_test() -> None:
    """Each module of the product has a unit test at the mirrored place, or a named place elsewhere."""
    modules = [name for name in python_files("proxy") if not name.endswith("__init__.py") and does_something(parsed(name))]
    expect_none(out_of_step(modules, set(files()), listed_places(text(LIST))))


def test_the_mirror_can_fail() -> None:
    """A module without test, a stale entry, a vanished module and a vanished place are each complained about."""
    assert does_something(ast.parse("def f():\n    return 1"))
    assert not does_something(ast.parse("class P(Protocol):\n    def f(self):\n        'A promise.'\n        ..."))
    assert out_of_step(["proxy/a/b.py"], set(), {})
    assert out_of_step(["proxy/a/b.py"], {"tests/unit/a/test_b.py", "tests/x.py"}, {"proxy/a/b.py": "tests/x.py"})
    assert out_of_step([], {"tests/x.py"}, {"proxy/a/b.py": "tests/x.py"})
    assert out_of_step(["proxy/a/b.py"], set(), {"proxy/a/b.py": "tests/x.py"})
    assert not out_of_step(["proxy/a/b.py"], {"tests/unit/a/test_b.py"}, {})
    assert not out_of_step(["proxy/a/b.py"], {"tests/unit/x/test_y.py"}, listed_places("proxy/a/\ttests/unit/x\twhy"))


def without_benchmark(hot: tuple[str, ...], measured: set[str]) -> list[str]:
    """Hot modules and packages that no benchmark imports from."""
    return [module for module in hot if not any(name == module or name.startswith(f"{module}.") for name in measured)]


def test_what_is_hot_is_measured() -> None:
    """Everything that runs per request or chunk is imported by a benchmark."""
    existing = {module_of(name) for name in python_files("proxy")}
    hot = tuple(module for module in HOT if module in existing)
    measured = {name for file in python_files("benchmarks") for name in imports(parsed(file))}
    expect_none(without_benchmark(hot, measured))
    assert without_benchmark(("proxy.wire",), {"proxy.wired"}) == ["proxy.wire"]
