"""Settings from environment variables."""

from __future__ import annotations

from pathlib import Path

from tests.unit.settings.written import complaints, loaded


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
