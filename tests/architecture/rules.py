"""The rules of the house that a syntax tree or a text can show. Each gives complaints, one line each; none is good.

They are plain functions of what they are given, so that each can be shown a bad sample (test_rules.py) besides the real tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50
LONG_ON_PURPOSE = "# long: "
"""A function may be longer when its `def` line, or the line above, says why after these words."""

UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
VAGUE = {"manager", "helper", "helpers", "util", "utils", "handler", "handlers", "data", "info"}
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|opt|home|root|Users)/[\w.-]+"  # a folder of one person's machine
    r"|\b(?:files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|deb\.debian\.org|proxy\.golang\.org)\b"
    r"|--(?:extra-)?index-url|--trusted-host|--find-links",
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> Iterable[Function]:
    """Every function of a file, methods and nested ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def file_too_long(name: str, text: str) -> list[str]:
    """A file fits on a few screens."""
    count = text.count("\n")
    return [f"{name}: {count} lines, at most {MOST_LINES_OF_A_FILE}"] if count > MOST_LINES_OF_A_FILE else []


def functions_too_long(name: str, text: str, tree: ast.Module) -> list[str]:
    """A function fits on one screen, unless a comment at its `def` says why it does not."""
    lines = text.splitlines()
    bad = []
    for function in functions(tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        around = lines[max(0, function.lineno - 2) : function.lineno]
        if length > MOST_LINES_OF_A_FUNCTION and not any(LONG_ON_PURPOSE in line for line in around):
            bad.append(f"{name}:{function.lineno}: {function.name} has {length} lines, at most {MOST_LINES_OF_A_FUNCTION}")
    return bad


def no_contract(name: str, tree: ast.Module) -> list[str]:
    """A module's docstring is its contract; only an empty `__init__.py` needs none."""
    if ast.get_docstring(tree) or (name.endswith("__init__.py") and not tree.body):
        return []
    return [f"{name}: no module docstring"]


def tests_without_sentence(name: str, tree: ast.Module) -> list[str]:
    """Every test says in one sentence what it shows."""
    bad = []
    for function in functions(tree):
        if not function.name.startswith("test_"):
            continue
        sentence = ast.get_docstring(function)
        if not sentence:
            bad.append(f"{name}:{function.lineno}: {function.name} has no docstring")
        elif "\n\n" in sentence:
            bad.append(f"{name}:{function.lineno}: {function.name} says more than one sentence")
    return bad


def unfinished(name: str, text: str) -> list[str]:
    """Nothing is left for later by a mark in the text."""
    return [f"{name}:{number}: {line.strip()[:80]}" for number, line in enumerate(text.splitlines(), 1) if UNFINISHED.search(line)]


def vague_names(name: str) -> list[str]:
    """A file is called after what it does."""
    words = {word for part in name.removesuffix(".py").split("/") for word in part.split("_")}
    return [f"{name}: a name that says nothing: {word}" for word in sorted(words & VAGUE)]


def vague_classes(name: str, tree: ast.Module) -> list[str]:
    """A class is called after what it is."""
    bad = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            words = {word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", node.name)}
            bad += [f"{name}:{node.lineno}: a name that says nothing: {node.name}" for _ in words & VAGUE]
    return bad


def foreign_places(name: str, text: str) -> list[str]:
    """No file names a folder of someone's machine or an address of a package index."""
    return [
        f"{name}:{number}: {found.group()}" for number, line in enumerate(text.splitlines(), 1) for found in FOREIGN.finditer(line)
    ]
