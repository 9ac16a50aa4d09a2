"""Real SDKs see the same through the proxy as without it, and upstreams see the same requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journey import environments
from tests.journey.comparison import Line, Way, compare_hygiene, compare_lines, compare_requests

CLIENTS = Path(__file__).parent / "clients"
LONGEST = 240

PROGRAMS = (
    ("openai", "openai_python.py", "python-older"),
    ("openai", "openai_python.py", "python-newer"),
    ("anthropic", "anthropic_python.py", "python-older"),
    ("anthropic", "anthropic_python.py", "python-newer"),
    ("gemini", "gemini_python.py", "python-older"),
    ("gemini", "gemini_python.py", "python-newer"),
    ("openai", "openai_node.mjs", "node"),
    ("anthropic", "anthropic_node.mjs", "node"),
    ("openai", "curl_command.py", "curl"),
    ("openai", "openai_kept_python.py", "python-older"),
    ("openai", "openai_kept_python.py", "python-newer"),
    ("anthropic", "anthropic_kept_python.py", "python-older"),
    ("anthropic", "anthropic_kept_python.py", "python-newer"),
    ("gemini", "gemini_kept_python.py", "python-older"),
    ("gemini", "gemini_kept_python.py", "python-newer"),
    ("openai", "openai_kept_node.mjs", "node"),
    ("anthropic", "anthropic_kept_node.mjs", "node"),
)


def command_of(program: str, environment: str) -> list[str]:
    """The command that starts a client program in its environment, which is made if need be."""
    if environment == "curl":
        return [sys.executable, str(CLIENTS / program)]
    if environment != "node":
        return [str(environments.python(environment)), str(CLIENTS / program)]
    try:
        interpreter, folder = environments.node(), environments.ensure("node")
    except environments.MissingToolError as error:
        pytest.skip(str(error))
    # An import looks for packages beside the importing file, so the programs stand beside `node_modules`.
    for source in CLIENTS.glob("*.mjs"):  # in one step each: another worker may be running it
        beside = folder / f"{source.name}.{os.getpid()}"
        beside.write_bytes(source.read_bytes())
        beside.replace(folder / source.name)
    return [interpreter, str(folder / program)]


def travel(program: str, environment: str, bases: list[str]) -> list[list[Line]]:
    """Run a client program against each base URL; the lines of each run."""
    done = subprocess.run([*command_of(program, environment), *bases], capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [[line for line in lines if line["run"] == run] for run in range(len(bases))]


@pytest.mark.parametrize(("provider", "program", "environment"), PROGRAMS, ids=lambda value: value.split(".")[0])
def test_client_sees_the_same(straight: Way, through_proxy: Way, provider: str, program: str, environment: str) -> None:
    """Every scenario of a client gives the same result, attempts and headers through the proxy, from the same requests upstream."""
    straight.upstream.clear()
    through_proxy.upstream.clear()
    direct, proxied = travel(program, environment, [straight.bases[provider], through_proxy.bases[provider]])
    assert [line["scenario"] for line in direct] == [line["scenario"] for line in proxied]
    differences = [one for pair in zip(direct, proxied, strict=True) for one in compare_lines(*pair)]
    seen, seen_through = straight.upstream.seen(), through_proxy.upstream.seen()
    differences += compare_requests(seen, seen_through) + compare_hygiene(seen, seen_through)
    assert not differences, "\n".join(differences)
