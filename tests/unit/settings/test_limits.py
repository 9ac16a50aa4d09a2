"""Limits as they are written, and as gateways read them."""

from pathlib import Path

import msgspec

from proxy.core import snapshot
from proxy.core.rules import Limit, Rate
from proxy.settings.compiling import compile_configuration
from proxy.settings.entries import compiled
from tests.unit.settings.written import complaints, loaded


def limits(folder: Path, text: str) -> dict[str, Limit]:
    """The snapshot's section."""
    lines = snapshot.lines(b"".join(compiled(loaded(folder, text).settings, [], {})))
    return {line.name or "": msgspec.json.decode(line.value, type=Limit) for line in lines if line.put == "limit"}


def test_who_is_limited_how(tmp_path: Path) -> None:
    """Each by the name under which it is shared; a lowered standing is slowed down, and told whom to ask."""
    text = (
        "principals: {ann: {limits: {requests: 60/m, tokens: 100k/h, concurrent: 8}}, bob: {}}\n"
        "limits: {principal: {prompts: 10k/d}, projects: {p: {lines: 1/d}}, upstreams: {xai: {tokens: 5/s}}, contact: ann@x.org}\n"
    )
    found = limits(tmp_path, text)
    assert found["principal/ann"] == Limit({"requests": Rate(60, 60.0), "tokens": Rate(100_000, 3600.0)}, 8)
    assert set(found) == {"principal/ann", "principal", "project/p", "upstream/xai", "limited"}
    assert (found["limited"].rates, found["limited"].concurrent) == ({"requests": Rate(10, 60.0)}, 2)
    assert "ask ann@x.org" in found["limited"].message
    assert limits(tmp_path, "detection: {enforce: shadow}\n") == {}


def test_several_workers_without_redis_are_told_of(tmp_path: Path) -> None:
    """Where there are limits that they would share."""
    text = "gateway: {workers: 4}\nlimits: {principal: {requests: 60/m}}\n"
    for more, told in (("", True), ("redis_url: redis://h\n", False)):
        (tmp_path / "tos-proxy.yaml").write_text(text + more)
        warnings = compile_configuration({"TOS_PROXY_CONFIG": str(tmp_path / "tos-proxy.yaml")}, tmp_path, make=False).warnings
        assert any("tos-proxy.yaml:1:" in str(one) and "4 workers" in str(one) for one in warnings) == told


def test_what_is_no_limit(tmp_path: Path) -> None:
    """Is told with its place."""
    for wrong in ("{request: 1/m}", "{requests: 60}", "{requests: many}", "{concurrent: 0}", "{concurrent: 1/m}", "{tokens: 0/m}"):
        assert "limits" in str(complaints(tmp_path, f"principals: {{a: {{limits: {wrong}}}}}\n")), wrong
    assert complaints(tmp_path, "redis_url: http://h\n")
