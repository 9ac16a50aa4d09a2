"""Tests mirror the code, and what runs per request or chunk has a benchmark.

`proxy/wire/head.py` is tested by `tests/unit/wire/test_head.py`. What is better tested elsewhere stands in `ELSEWHERE` with the
place; the list may only shrink: an entry whose test has appeared, or whose module is gone, is an error. A module of declarations
alone (types, constants, protocols) has nothing to run and needs no test.
"""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.architecture.rules import functions
from tests.architecture.tree import expect_none, files, imports, module_of, parsed, python_files

ELSEWHERE: dict[str, str] = {}
HOT = ("proxy.wire", "proxy.dialects", "proxy.ledger.spool", "proxy.ledger.sealing", "proxy.ledger.record")
"""What runs on every request or chunk: each of these has a benchmark that imports it or something in it.

The gateway as a whole is measured beside nginx by benchmarks/compare.py."""


def test_of(name: str) -> str:
    """Where the unit test of a module belongs."""
    path = PurePosixPath(name)
    return str(PurePosixPath("tests/unit", *path.parts[1:-1], f"test_{path.name}"))


test_of.__test__ = False  # type: ignore[attr-defined]  # a name that pytest would collect


def does_something(tree: ast.Module) -> bool:
    """Whether a module has a function with a body: not only types, constants and protocols."""
    return any(not isinstance(function.body[-1], ast.Expr) or len(function.body) > 2 for function in functions(tree))


def out_of_step(modules: list[str], existing: set[str], elsewhere: dict[str, str]) -> list[str]:
    """Modules without their test, and entries of the list that have had their day."""
    bad = [f"{name}: no {test_of(name)}" for name in modules if test_of(name) not in existing and name not in elsewhere]
    bad += [f"{name}: has {test_of(name)} now, strike it from the list" for name in elsewhere if test_of(name) in existing]
    bad += [f"{name}: is gone, strike it from the list" for name in elsewhere if name not in modules]
    bad += [f"{name}: tested in {place}, which does not exist" for name, place in elsewhere.items() if place not in existing]
    return bad


def test_every_module_has_its_test() -> None:
    """Each module of the product has a unit test at the mirrored place, or a named place elsewhere."""
    modules = [name for name in python_files("proxy") if not name.endswith("__init__.py") and does_something(parsed(name))]
    expect_none(out_of_step(modules, set(files()), ELSEWHERE))


def test_the_mirror_can_fail() -> None:
    """A module without test, a stale entry, a vanished module and a vanished place are each complained about."""
    assert does_something(ast.parse("def f():\n    return 1"))
    assert not does_something(ast.parse("class P(Protocol):\n    def f(self):\n        'A promise.'\n        ..."))
    assert out_of_step(["proxy/a/b.py"], set(), {})
    assert out_of_step(["proxy/a/b.py"], {"tests/unit/a/test_b.py", "tests/x.py"}, {"proxy/a/b.py": "tests/x.py"})
    assert out_of_step([], {"tests/x.py"}, {"proxy/a/b.py": "tests/x.py"})
    assert out_of_step(["proxy/a/b.py"], set(), {"proxy/a/b.py": "tests/x.py"})
    assert not out_of_step(["proxy/a/b.py"], {"tests/unit/a/test_b.py"}, {})


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
