"""Every file keeps the rules of the house, and every rule fails on a sample that breaks it."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from tests.architecture import rules
from tests.architecture.tree import expect_none, files, parsed, python_files, text

OWN_FOLDERS = ("proxy", "tests", "benchmarks", "scripts", "docs", "migrations")
GENERATED = {"LICENSE", "requirements.txt", "requirements-dev.txt"}
TEXTS = tuple(name for name in files() if name not in GENERATED and not name.startswith("tests/journey/sdks/"))


def keep(rule: Callable[[str], list[str]], names: list[str]) -> None:
    """Fail with all complaints of a rule over many files."""
    expect_none(line for name in names for line in rule(name))


def test_files_are_short() -> None:
    """No Python file is longer than a few screens."""
    keep(lambda name: rules.file_too_long(name, text(name)), python_files(*OWN_FOLDERS))


def test_functions_are_short() -> None:
    """No function is longer than a screen without saying why."""
    keep(lambda name: rules.functions_too_long(name, text(name), parsed(name)), python_files(*OWN_FOLDERS))


def test_modules_state_their_contract() -> None:
    """Every module begins with what it promises."""
    keep(lambda name: rules.no_contract(name, parsed(name)), python_files(*OWN_FOLDERS))


def test_tests_say_what_they_show() -> None:
    """Every test has a one-sentence docstring."""
    keep(lambda name: rules.tests_without_sentence(name, parsed(name)), python_files("tests"))


def test_nothing_is_left_for_later() -> None:
    """No file carries a mark that says it is unfinished."""
    keep(lambda name: rules.unfinished(name, text(name)), list(TEXTS))


def test_names_mean_something() -> None:
    """No module and no class of the product has a name that fits everything."""
    keep(rules.vague_names, python_files("proxy"))
    keep(lambda name: rules.vague_classes(name, parsed(name)), python_files("proxy"))


def test_no_machine_and_no_index_is_named() -> None:
    """No file depends on one person's folders or names where packages come from."""
    names = [name for name in (*TEXTS, "requirements.txt", "requirements-dev.txt") if name != "tests/architecture/rules.py"]
    keep(lambda name: rules.foreign_places(name, text(name)), names)


LONG_FUNCTION = "def walk():\n" + "    pass\n" * 50
BAD_SAMPLES: dict[str, Callable[[], list[str]]] = {
    "file of 401 lines": lambda: rules.file_too_long("a.py", "x = 1\n" * 401),
    "function of 51 lines": lambda: rules.functions_too_long("a.py", LONG_FUNCTION, ast.parse(LONG_FUNCTION)),
    "module without docstring": lambda: rules.no_contract("a.py", ast.parse("x = 1")),
    "test without docstring": lambda: rules.tests_without_sentence("a.py", ast.parse("def test_a(): pass")),
    "async test without docstring": lambda: rules.tests_without_sentence("a.py", ast.parse("async def test_a(): pass")),
    "test with an essay": lambda: rules.tests_without_sentence("a.py", ast.parse('def test_a():\n    """A.\n\n    B."""')),
    "mark of unfinished work": lambda: rules.unfinished("a.py", "# TO" + "DO: later"),
    "module called utils": lambda: rules.vague_names("proxy/wire/utils.py"),
    "class called manager": lambda: rules.vague_classes("a.py", ast.parse("class PoolManager: pass")),
    "home folder": lambda: rules.foreign_places("a.py", "path = '/ho" + "me/someone/x'"),
    "address of an index": lambda: rules.foreign_places("a.txt", "--extra-index" + "-url x"),
}


@pytest.mark.parametrize("sample", BAD_SAMPLES)
def test_each_rule_can_fail(sample: str) -> None:
    """A sample that breaks a rule is complained about."""
    assert BAD_SAMPLES[sample]()


def test_a_reason_excuses_a_long_function() -> None:
    """A function that says why it is long is let be."""
    excused = LONG_FUNCTION.replace("walk():", "walk():  # long: a table reads best in one piece")
    assert not rules.functions_too_long("a.py", excused, ast.parse(excused))
