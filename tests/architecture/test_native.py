"""What scripts/native compiles is written so that compiled it means the same, and passes the tests of its sources."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import defaultdict

import pytest

from proxy import native
from tests.architecture.tree import ROOT

_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
LISTED = [line for line in (ROOT / "scripts" / "native-modules.txt").read_text().split("\n") if line and not line.startswith("#")]


@pytest.mark.parametrize("path", LISTED)
def test_compiled_modules_keep_to_what_means_the_same(path: str) -> None:
    """No msgspec shape (it is made from annotations, which are gone), no inherited staticmethod, one type per name of an error."""
    assert faults(ast.parse((ROOT / path).read_text())) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("class A(msgspec.Struct): ...", "A is a shape of msgspec"),
        ("class A:\n    f = staticmethod(g)", "A keeps a staticmethod as an attribute"),
        ("def f():\n try: ...\n except A as e: ...\n except B as e: ...", "f names errors of several types e"),
        ("def f(a):\n return a is (1, 2)", "f compares a tuple by identity"),
        ("class A:\n def f(self):\n  def g(): ...", "f makes a function g, which keeps itself and what it uses alive"),
    ],
)
def test_each_fault_is_seen(source: str, fault: str) -> None:
    """The rules find what they forbid."""
    assert faults(ast.parse(source)) == [fault]


@pytest.mark.timeout(400)
def test_they_pass_their_tests() -> None:
    """The tests of wire, dialects, policy and limits hold for what was compiled, and so does what any cut of a stream leaves."""
    if not native.fitting():
        pytest.skip("nothing is compiled: make native")
    tests = [
        "tests/property/test_dialects_streams.py",
        "tests/unit/dialects",
        "tests/unit/wire",
        "tests/unit/ledger/test_stream.py",
        "tests/unit/limits",
        "tests/unit/policy/test_engine.py",
        "tests/unit/app/test_rehearsing.py",
        "tests/unit/policy/test_remembering.py",
        "tests/unit/terms/test_verdict.py",
    ]
    # Readers broken on purpose inherit from compiled ones, which only sources allow.
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", "not broken_reader", *tests]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=ROOT, env={**environment, "TOS_PROXY_NATIVE": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]


def faults(tree: ast.Module) -> list[str]:
    """What a compiled module must not hold."""
    found = []
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found += _of_class(node) + [fault for method in node.body if isinstance(method, _FUNCTION) for fault in _within(method)]
        elif isinstance(node, _FUNCTION):
            found += _of_function(node, constants)
    return found


def _within(method: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Functions of a module may make others, once, when it is loaded; what a method makes is a cycle each time."""
    made = [inner.name for statement in method.body for inner in ast.walk(statement) if isinstance(inner, _FUNCTION)]
    return [f"{method.name} makes a function {name}, which keeps itself and what it uses alive" for name in made]


def _of_class(node: ast.ClassDef) -> list[str]:
    shape = any(ast.unparse(base) == "msgspec.Struct" for base in node.bases)
    kept = [
        f"{node.name} keeps a staticmethod as an attribute"
        for statement in node.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.value).startswith("staticmethod(")
    ]
    return [f"{node.name} is a shape of msgspec"] * shape + kept


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, tuples: set[str]) -> list[str]:
    found = []
    errors: dict[str, set[str]] = defaultdict(set)
    for inner in ast.walk(node):
        if isinstance(inner, ast.ExceptHandler) and inner.name is not None and inner.type is not None:
            errors[inner.name].add(ast.unparse(inner.type))
        elif isinstance(inner, ast.Compare) and _of_tuples(inner, tuples):
            found.append(f"{node.name} compares a tuple by identity")
    return found + [f"{node.name} names errors of several types {name}" for name, types in errors.items() if len(types) > 1]


def _of_tuples(node: ast.Compare, tuples: set[str]) -> bool:
    identity = any(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops)
    sides = node.comparators
    return identity and any(isinstance(side, ast.Tuple) or (isinstance(side, ast.Name) and side.id in tuples) for side in sides)
