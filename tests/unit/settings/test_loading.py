"""File and environment to settings: precedence, places of problems, origins."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.documents.problems import ConfigurationError
from proxy.settings.loading import load
from tests.unit.settings.written import complaints, loaded


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


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("GATEWAY__HOST", "", "gateway.host: should be an address or a name"),
        ("ADMIN__HOST", " ", "admin.host: should be an address or a name"),
        ("DATA_DIR", "", "data_dir: should be a path, and is empty"),
        ("DATA_DIR", "~nobody-of-this-name/data", "data_dir: ~nobody-of-this-name is the home of nobody here"),
        ("GATEWAY__UNIX_SOCKET", "", "gateway.unix_socket: should be a path, and is empty"),
        ("LEDGER__RETENTION__CONTENT", "90", "ledger.retention.content: should say its unit"),
        ("GATEWAY__TLS__CERTIFICATE", "c.pem", "gateway.tls.key: is missing"),
    ],
)
def test_an_empty_variable_is_no_default(tmp_path: Path, variable: str, value: str, told: str) -> None:
    """Empty would be all addresses and the current folder, a bare number of days seconds; each is named with its variable, and so
    is what is missing beside one.
    """
    (complaint,) = complaints(tmp_path, "", **{variable: value})
    assert complaint.startswith(f"environment: TOS_PROXY_{variable}: {told}")


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Problems of syntax, types, names and references in file and environment come together, one line each, in order."""
    text = (
        "gateway:\n  prot: 1\n  port: 70000\nupstreams:\n  openai: {base_url: 'ftp://x'}\n  V1: {}\n"
        "default_upstream: opnai\nprincipals:\n  a: {purposes: [use.prodct]}\n"
    )
    assert complaints(tmp_path, text, HEALTH__PORT="x", GATEWAY_PORT="1") == [
        "tos-proxy.yaml:2:3: gateway.prot: unknown key (did you mean port?)",
        "tos-proxy.yaml:3:9: gateway.port: should be less than or equal to 65535",
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
        "environment: TOS_PROXY_HEALTH__PORT: health.port: should be a whole number",
    ]


def test_missing_named_file(tmp_path: Path) -> None:
    """A file that was named and is not there is a problem, not silently the defaults."""
    with pytest.raises(ConfigurationError, match=r"gone\.yaml: cannot be read"):
        load({"TOS_PROXY_CONFIG": "gone.yaml"}, tmp_path)


def test_relative_paths(tmp_path: Path) -> None:
    """Paths in a file are relative to the file, those in variables to the current folder."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "c.yaml").write_text("data_dir: d\n")
    assert load({"TOS_PROXY_CONFIG": "etc/c.yaml"}, tmp_path).settings.data_dir == tmp_path / "etc" / "d"
    environ = {"TOS_PROXY_CONFIG": "etc/c.yaml", "TOS_PROXY_DATA_DIR": "d"}
    assert load(environ, tmp_path).settings.data_dir == tmp_path / "d"
