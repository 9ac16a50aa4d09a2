"""Settings as snapshot entries."""

from __future__ import annotations

from pathlib import Path

import msgspec

from proxy.core.snapshot import SECTIONS, GatewayOptions, lines
from proxy.settings.compiling import compile_configuration


def test_entries_are_what_gateways_decode(tmp_path: Path) -> None:
    """Each entry decodes as the type of its section, with the values that were written, in the gateway's own units."""
    text = (
        "gateway: {deadlines: {drain: 2m}, caps: {header_bytes: 32KiB}}\nledger: {durability: {tick: 50ms}}\n"
        "principals: {a: {keys: [tp_x], purposes: [use.product, eval.private], content: digests}}\n"
    )
    (tmp_path / "tos-proxy.yaml").write_text(text)
    compiled = compile_configuration({}, tmp_path, make=True)
    read = {}
    for line in lines(b"".join(compiled.entries)):
        assert line.put is not None
        read[line.put, line.name] = msgspec.json.decode(line.value, type=SECTIONS[line.put])
    gateway = read["gateway", "options"]
    assert isinstance(gateway, GatewayOptions)
    assert (gateway.drain_seconds, gateway.max_header_bytes) == (120.0, 32768)
    assert read["ledger", "options"].tick_seconds == 0.05  # type: ignore[attr-defined]
    principal = compiled.principals[0]
    assert read["principal", "a"] == principal
    assert (principal.purpose, principal.content, principal.virtual) == ("undeclared", "digests", True)
    assert len([key for key in read if key[0] == "upstream"]) == 14
