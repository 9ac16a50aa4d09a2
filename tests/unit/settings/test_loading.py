"""File and environment to settings: precedence, places of problems, origins."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.settings.compiling import compile_configuration, needs_restart
from proxy.settings.effective import effective, unused
from proxy.settings.loading import Loaded, load
from proxy.settings.problems import ConfigurationError


def loaded(folder: Path, text: str = "", **environ: str) -> Loaded:
    (folder / "tos-proxy.yaml").write_text(text)
    return load({f"TOS_PROXY_{key}": value for key, value in environ.items()}, folder)


def complaints(folder: Path, text: str = "", **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, text, **environ)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_nothing_is_needed(tmp_path: Path) -> None:
    """Without file and variables there are all built-in upstreams and the documented ports."""
    settings = load({}, tmp_path).settings
    assert (settings.gateway.port, settings.admin.port, settings.health.port) == (8080, 8081, 8082)
    assert settings.data_dir == tmp_path / "tos-proxy-data"
    assert list(settings.upstreams) == (
        [
            "openai",
            "anthropic",
            "gemini",
            "xai",
            "deepseek",
            "mistral",
            "moonshot",
            "minimax",
            "cohere",
            "openrouter",
            "groq",
            "together",
            "fireworks",
            "perplexity",
        ]
    )
    assert settings.upstreams["gemini"].dialect == "gemini"


def test_environment_over_file_over_built_in(tmp_path: Path) -> None:
    """A variable overrides the file, the file overrides a built-in upstream field by field, and each value knows its origin."""
    text = "gateway: {port: 9000, host: 0.0.0.0}\nupstreams:\n  openai: {contract: c1}\n"
    read = loaded(tmp_path, text, GATEWAY__PORT="9001", UPSTREAMS__OPENAI__BASE_URL="http://127.0.0.1:1/")
    upstream = read.settings.upstreams["openai"]
    assert (read.settings.gateway.port, read.settings.gateway.host) == (9001, "0.0.0.0")
    assert (upstream.base_url, upstream.contract, upstream.dialect) == ("http://127.0.0.1:1", "c1", "openai")
    assert read.origin(("gateway", "port")) == "TOS_PROXY_GATEWAY__PORT"
    assert read.origin(("gateway", "host")) == f"{tmp_path}/tos-proxy.yaml:1"
    assert read.origin(("upstreams", "openai", "contract")).endswith(":3")
    assert read.origin(("upstreams", "openai", "dialect")) == "built-in"
    assert read.origin(("upstreams", "openai", "model_licence")) == "default"


def test_every_variable_of_the_contract(tmp_path: Path) -> None:
    """The variables that users hold on to all work, whole lists and tables in one variable too."""
    settings = loaded(
        tmp_path,
        "upstreams: {my-vllm: {base_url: 'http://vllm:8000'}}",
        DATA_DIR="d",
        ADMIN__PORT="1",
        HEALTH__PORT="2",
        ADMIN__TOKEN="a-token-of-16-chars",
        DATABASE_URL="postgresql://u:p@h/n",
        REDIS_URL="redis://h/0",
        DEFAULT_UPSTREAM="my-vllm",
        UPSTREAMS__MY_VLLM__API_KEY_ENV="VLLM_KEY",
        GATEWAY__TRUSTED_PROXIES="10.0.0.0/8, 192.168.1.1",
        PRINCIPALS='{"alice": {"keys": ["env:K"], "purposes": ["use.product"]}}',
    ).settings
    assert settings.data_dir == tmp_path / "d"
    assert settings.upstreams["my-vllm"].api_key_env == "VLLM_KEY"
    assert settings.gateway.trusted_proxies == ["10.0.0.0/8", "192.168.1.1"]
    assert settings.principals["alice"].default == "use.product"
    assert settings.shown_disclosure == "reference"


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Problems of syntax, types, names and references in file and environment come together, one line each, in order."""
    text = (
        "gateway:\n  prot: 1\n  port: 70000\nupstreams:\n  openai: {base_url: 'ftp://x'}\n  V1: {}\n"
        "default_upstream: opnai\nprincipals:\n  a: {purposes: [use.prodct]}\n"
    )
    assert complaints(tmp_path, text, HEALTH__PORT="x", GATEWAY_PORT="1") == [
        "tos-proxy.yaml:2:3: gateway.prot: unknown key (did you mean port?)",
        "tos-proxy.yaml:3:9: gateway.port: Input should be less than or equal to 65535",
        "tos-proxy.yaml:5:22: upstreams.openai.base_url: should start with http:// or https://",
        (
            "tos-proxy.yaml:6:3: upstreams.V1: cannot be an upstream's name, since it stands in URLs "
            "(lower-case letters, digits, '.', '_', '-')"
        ),
        "tos-proxy.yaml:6:7: upstreams.V1.base_url: is missing",
        "tos-proxy.yaml:7:19: default_upstream: no upstream is named 'opnai' (did you mean openai?)",
        "tos-proxy.yaml:9:18: principals.a.purposes.0: unknown purpose 'use.prodct', did you mean use.product?",
        (
            "environment: TOS_PROXY_GATEWAY_PORT: gateway_port: unknown key (did you mean gateway: {port: …}, as a variable "
            "TOS_PROXY_GATEWAY__PORT?)"
        ),
        "environment: TOS_PROXY_HEALTH__PORT: health.port: Input should be a valid integer, unable to parse string as an integer",
    ]


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("https://user:pw@host", "no user name or password"),
        ("https://host/v1?x=1", "no query"),
        ("https://host/#f", "no fragment"),
        ("https://host/a/../b", "dot segments"),
        ("https://", "should name a host"),
        ("https://host:99999", "Port out of range"),
        ("host:8000", "http://"),
        ("https://ho st", "without spaces"),
    ],
)
def test_base_urls_mean_one_place(tmp_path: Path, base_url: str, reason: str) -> None:
    """A base URL that could mean more or other than one place is refused."""
    (line,) = complaints(tmp_path, f"upstreams: {{x: {{base_url: {base_url!r}}}}}")
    assert reason in line


def test_kubernetes_variables_are_not_ours(tmp_path: Path) -> None:
    """Variables that Kubernetes makes for a Service called tos-proxy are passed over, misspelt settings are not."""
    kubernetes = {
        "SERVICE_HOST": "10.0.0.1",
        "PORT": "tcp://10.0.0.1:80",
        "PORT_80_TCP_ADDR": "10.0.0.1",
        "SERVICE_PORT_HTTP": "80",
    }
    assert loaded(tmp_path, **kubernetes).settings.gateway.port == 8080
    assert complaints(tmp_path, GATEWAY_PRT="1")


def test_missing_named_file(tmp_path: Path) -> None:
    """A file that was named and is not there is a problem, not silently the defaults."""
    with pytest.raises(ConfigurationError, match=r"gone\.yaml: cannot be read"):
        load({"TOS_PROXY_CONFIG": "gone.yaml"}, tmp_path)


def test_numbers_and_booleans_are_not_mixed_up(tmp_path: Path) -> None:
    """`true` is no port and a number is no text."""
    assert complaints(tmp_path, "gateway: {port: true}") == ["tos-proxy.yaml:1:17: gateway.port: should be a number"]
    assert "put it in quotes" in complaints(tmp_path, "admin: {token: 1234567890123456}")[0]


def test_keys_become_fingerprints(tmp_path: Path) -> None:
    """Keys reach the snapshot as fingerprints only; plain text is accepted with a warning that shows its hashed form."""
    text = "principals:\n  a: {keys: [sk-plain, 'env:K', tp_virtual], purpose: use.product}\n"
    (tmp_path / "tos-proxy.yaml").write_text(text)
    environ = {"K": "sk-from-env", "TOS_PROXY_IDENTITY_KEY": "00" * 32}
    compiled = compile_configuration(environ, tmp_path, make=True)
    entries = b"".join(compiled.entries)
    assert b"sk-plain" not in entries
    assert b"sk-from-env" not in entries
    hashed = str(compiled.warnings[0]).rpartition("write ")[2].split()[0]
    assert hashed.startswith("key:")
    (tmp_path / "tos-proxy.yaml").write_text(f"principals:\n  a: {{keys: [{hashed}, 'env:K'], purpose: use.product}}\n")
    again = compile_configuration(environ, tmp_path, make=True)
    assert again.warnings == []
    assert {line for line in again.entries if b"credential" in line} <= {line for line in compiled.entries if b"credential" in line}


def test_unset_key_variables_and_shared_keys(tmp_path: Path) -> None:
    """A key's variable that is not set, and a key of two principals, are problems with their places."""
    text = "principals:\n  a: {keys: ['env:GONE', 'key:" + "0" * 64 + "']}\n  b: {keys: ['key:" + "0" * 64 + "']}\n"
    (tmp_path / "tos-proxy.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        compile_configuration({}, tmp_path, make=False)
    assert [str(p).removeprefix(f"{tmp_path}/") for p in caught.value.problems] == [
        "tos-proxy.yaml:2:14: principals.a.keys.0: the environment variable GONE is not set",
        "tos-proxy.yaml:3:14: principals.b.keys.0: the same key as one of a's",
    ]


def test_checking_writes_nothing(tmp_path: Path) -> None:
    """A check leaves no file behind, not even an identity key."""
    loaded(tmp_path, "principals: {a: {keys: [sk-plain]}}")
    compile_configuration({}, tmp_path, make=False)
    assert [path.name for path in tmp_path.iterdir()] == ["tos-proxy.yaml"]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Tokens, keys, passwords and header values appear as fingerprints only."""
    text = (
        "admin: {token: very-secret-token-1}\ndatabase_url: postgresql://u:secretpw@h/n\n"
        "principals: {a: {keys: [sk-secret]}}\nupstreams: {openai: {headers: {x-team: secretheader}}}\n"
    )
    for identity in (None, b"k" * 32):
        shown = {each.path: str(each.value) for each in effective(loaded(tmp_path, text), identity)}
        for hidden in ("very-secret", "secretpw", "sk-secret", "secretheader"):
            assert hidden not in repr(shown)
    assert shown["admin.token"].startswith("(secret, key:")


def test_accepted_yet_unused(tmp_path: Path) -> None:
    """Keys without a capability are accepted, checked, and told to be without effect."""
    text = "detection: {enforce: shadow}\nprincipals: {a: {limits: {requests: 30/m}}}\n"
    lines = [str(problem) for problem in unused(loaded(tmp_path, text, REDIS_URL="redis://h/0"))]
    assert len(lines) == 3
    assert all("accepted, not used by this version" in line for line in lines)
    assert complaints(tmp_path, "detection: {enforce: perhaps}")


def test_relative_paths(tmp_path: Path) -> None:
    """Paths in a file are relative to the file, those in variables to the current folder."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "c.yaml").write_text("data_dir: d\n")
    assert load({"TOS_PROXY_CONFIG": "etc/c.yaml"}, tmp_path).settings.data_dir == tmp_path / "etc" / "d"
    environ = {"TOS_PROXY_CONFIG": "etc/c.yaml", "TOS_PROXY_DATA_DIR": "d"}
    assert load(environ, tmp_path).settings.data_dir == tmp_path / "d"


def test_what_a_reload_cannot_change(tmp_path: Path) -> None:
    """Listeners and places are named as needing a restart, principals are not."""
    before = loaded(tmp_path).settings
    after = loaded(tmp_path, "gateway: {port: 1}\nadmin: {port: 2}\nprincipals: {a: {}}\n").settings
    assert needs_restart(before, after) == ["admin", "gateway.port"]
