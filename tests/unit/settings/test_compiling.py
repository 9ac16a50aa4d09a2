"""From files to what is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.documents.problems import ConfigurationError
from proxy.settings import compiling
from proxy.settings.compiling import compile_configuration
from tests.unit.settings.written import loaded


def test_unset_key_variables_and_shared_keys(tmp_path: Path) -> None:
    """A key's variable that is not set, and a key of two principals, are problems with their places; beside a running proxy, which
    has the variable, the first is none.
    """
    text = "principals:\n  a: {keys: ['env:GONE', 'key:" + "0" * 64 + "']}\n  b: {keys: ['key:" + "0" * 64 + "']}\n"
    (tmp_path / "tos-proxy.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        compile_configuration({}, tmp_path, make=False)
    assert [str(p).removeprefix(f"{tmp_path}/") for p in caught.value.problems] == [
        "tos-proxy.yaml:2:14: principals.a.keys.0: the environment variable GONE is not set",
        "tos-proxy.yaml:3:14: principals.b.keys.0: the same key as one of a's",
    ]
    (tmp_path / "tos-proxy.yaml").write_text(text.splitlines()[0] + "\n" + text.splitlines()[1])
    beside = compile_configuration({}, tmp_path, make=False, unset_keys=True)
    assert [principal.name for principal in beside.principals] == ["a"]


def test_secrets_that_are_not_there_are_told(tmp_path: Path) -> None:
    """An alert that would go unsigned and a sign-on that nobody passes are warnings, unless their variables are set."""
    text = (
        "alerts: {pager: {url: 'http://127.0.0.1:9/h', secret_env: PAGER}}\n"
        "admin:\n  oidc: {issuer: 'https://i', client_id: c, client_secret_env: OIDC, roles: {a: admin}}\n"
    )
    (tmp_path / "tos-proxy.yaml").write_text(text)
    assert [str(each).removeprefix(f"{tmp_path}/") for each in compile_configuration({}, tmp_path, make=False).warnings] == [
        "tos-proxy.yaml:1:59: alerts.pager.secret_env: the environment variable PAGER is not set: webhooks go unsigned",
        "tos-proxy.yaml:3:64: admin.oidc.client_secret_env: the environment variable OIDC is not set: nobody can sign in by it",
    ]
    assert not compile_configuration({"PAGER": "whsec_x", "OIDC": "x"}, tmp_path, make=False).warnings


@pytest.mark.parametrize(("more", "told"), [("", True), (", enabled: false", False)])
def test_an_admin_that_others_reach_is_told_of(tmp_path: Path, more: str, told: bool) -> None:
    """A warning with its place says what protects it; of one that is off there is nothing to say."""
    (tmp_path / "tos-proxy.yaml").write_text(f"admin: {{host: 0.0.0.0{more}}}\n")
    found = [str(each) for each in compile_configuration({}, tmp_path, make=False).warnings]
    assert any("tos-proxy.yaml:1:15: admin.host: other machines reach the admin API" in each for each in found) == told
    assert len(found) == told


def test_who_reaches_an_address() -> None:
    """Loopback in all its forms is this machine's alone; every address, and a name that may be any, is not."""
    assert [host for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost") if not compiling._of_this_machine(host)] == []
    assert [host for host in ("0.0.0.0", "::", "10.0.0.1", "admin.internal") if compiling._of_this_machine(host)] == []


def test_checking_writes_nothing(tmp_path: Path) -> None:
    """A check leaves no file behind, not even an identity key."""
    loaded(tmp_path, "principals: {a: {keys: [sk-plain]}}")
    compile_configuration({}, tmp_path, make=False)
    assert [path.name for path in tmp_path.iterdir()] == ["tos-proxy.yaml"]


def test_what_a_reload_cannot_change(tmp_path: Path) -> None:
    """Listeners and places are named as needing a restart, principals are not."""
    environ = {"TOS_PROXY_CONFIG": str(tmp_path / "tos-proxy.yaml"), "TOS_PROXY_DATA_DIR": str(tmp_path)}
    loaded(tmp_path)
    before = compile_configuration(environ, make=True).description
    loaded(tmp_path, "gateway: {port: 1}\nadmin: {port: 2}\nprincipals: {a: {}}\n")
    after = compile_configuration(environ, make=True).description
    assert before.restart_for(after) == ["admin", "gateway.port"]
    assert [principal.name for principal in after.principals] == ["a"]
    assert (before.digest == after.digest, before.running == after.running) == (False, True)
