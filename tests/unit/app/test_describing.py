"""A configuration, read by another process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.app.describing import described, handed_over
from proxy.core.errors import TosProxyError
from proxy.documents.problems import ConfigurationError
from proxy.settings.compiling import compile_configuration
from tests.proxy_server import ROOT


def environ(folder: Path, text: str) -> dict[str, str]:
    """The environment of a process that goes by this file."""
    (folder / "tos-proxy.yaml").write_text(text)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOS_PROXY_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "TOS_PROXY_CONFIG": str(folder / "tos-proxy.yaml"),
        "TOS_PROXY_DATA_DIR": str(folder / "data"),
    }


def test_the_same_as_here(tmp_path: Path) -> None:
    """What another process hands over is what this one would have found."""
    told = environ(tmp_path, "principals: {a: {keys: [sk-x], attributes: {team: b}}}\nledger: {max_bytes: 1GiB}\n")
    assert described(told) == compile_configuration(told, make=True).description


def test_handed_over(tmp_path: Path) -> None:
    """What `serve` has read is not read again, as often as control begins, unless the file has changed since."""
    told = environ(tmp_path, "principals: {a: {keys: [sk-x]}}\n")
    description = compile_configuration(told, make=True).description
    fd = handed_over(description)
    assert fd is not None
    try:
        nobody_reads = told | {"PYTHONPATH": str(tmp_path / "nothing here")}
        assert described(nobody_reads, fd) == described(nobody_reads, fd) == description
        changed = environ(tmp_path, "principals: {b: {keys: [sk-x]}}\n")
        assert [each.name for each in described(changed, fd).principals] == ["b"]
    finally:
        os.close(fd)


def test_handed_over_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that stands in the environment alone is not read again either."""
    monkeypatch.chdir(tmp_path)
    told = environ(tmp_path, "")
    (tmp_path / "tos-proxy.yaml").unlink()
    del told["TOS_PROXY_CONFIG"]
    description = compile_configuration(told, make=True).description
    fd = handed_over(description)
    assert fd is not None
    try:
        assert described(told | {"PYTHONPATH": str(tmp_path / "nothing here")}, fd) == description
    finally:
        os.close(fd)


def test_problems_come_back(tmp_path: Path) -> None:
    """Problems keep their places; a process that breaks off is an error in one line."""
    with pytest.raises(ConfigurationError) as caught:
        described(environ(tmp_path, "gateway: {prot: 1}\nhealth: {port: x}\n"))
    assert len(caught.value.problems) == 2
    assert "tos-proxy.yaml:1:11: gateway.prot" in str(caught.value)
    (tmp_path / "own.yaml").write_text("kind: Policy")
    with pytest.raises(ConfigurationError) as caught:
        described(environ(tmp_path, "policies: [own.yaml]"))
    assert str(tmp_path / "own.yaml") in caught.value.followed
    told = environ(tmp_path, "") | {"PYTHONPATH": str(tmp_path)}
    (tmp_path / "proxy").mkdir()
    (tmp_path / "proxy" / "__init__.py").write_text("raise ZeroDivisionError('lost')")
    with pytest.raises(TosProxyError, match="lost"):
        described(told)
