"""What all commands share: help, versions, errors in one line, exit codes."""

from __future__ import annotations

import pytest

from proxy.cli import build
from tests.unit.cli.conftest import Command


def test_version_names_formats(command: Command) -> None:
    """--version names the record format and the policy schema too."""
    ran = command("--version")
    assert ran.code == 0
    assert "record format v1, policy schema v1" in ran.out


def test_help_of_each_command_has_examples(command: Command) -> None:
    """Every command is in --help, and its own help shows how it is used."""
    assert all(name in command("--help").out for name in ("serve", "demo", "principal", "ledger", "db", "config", "healthcheck"))
    for words in ("serve", "demo", "healthcheck", "config check", "config show", "db upgrade", "ledger status", "ledger reindex"):
        assert f"Examples:\n    tos-proxy {words}" in command(*words.split(), "--help").out
    for word in ("add", "list", "rotate", "suspend"):
        assert f"Examples:\n    tos-proxy principal {word}" in command("principal", word, "--help").out


@pytest.mark.parametrize("words", [(), ("policy",)])
def test_no_command_is_answered_by_the_help(command: Command, words: tuple[str, ...]) -> None:
    """As it is, on stderr: nothing was printed that somebody asked for."""
    ran = command(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == command(*words, "--help").out


def test_a_named_command_alone_is_loaded() -> None:
    """Whoever names a command waits for no other's modules; whoever names none, or one that is not there, sees all."""
    assert [group.name for group in build("policy").registered_groups] == ["policy"]
    assert len(build().registered_groups) == len(build("polcy").registered_groups) > 5


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--prot", "1"),
        ("serve", "--port", "x"),
        ("nothing",),
        ("ledger", "nothing"),
        ("serve", "x"),
        ("serve", "--role", "x"),
    ],
)
def test_wrong_usage_is_one_line(command: Command, arguments: tuple[str, ...]) -> None:
    """Wrong usage is one line on stderr and exit code 2."""
    ran = command(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("tos-proxy: ")
    assert ran.err.count("\n") == 1
    assert "Value error" not in ran.err
