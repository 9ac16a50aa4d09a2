"""The lines of a snapshot: checksummed, readable, and torn ones end the reading."""

from __future__ import annotations

import msgspec
import pytest

from proxy.core.principal import Principal
from proxy.core.snapshot import SECTIONS, GatewayOptions, UpstreamOptions, base, frame, lines, put


def test_base() -> None:
    """A head with the format, the entries, the commit."""
    text = base(4, 99, [put("principal", "a", Principal("a")), put("gateway", "options", GatewayOptions(port=9))])
    head, principal, gateway, commit = lines(text)
    assert (head.format, head.number, head.made, commit.commit) == (1, 4, 99, 4)
    assert (principal.put, principal.name) == ("principal", "a")
    assert msgspec.json.decode(gateway.value, type=GatewayOptions).port == 9


def test_bounds() -> None:
    """Entries may begin and end at an instant."""
    (line,) = lines(put("principal", "a", Principal("a"), starts=5, until=9))
    assert (line.from_, line.until) == (5, 9)
    (line,) = lines(put("principal", "a", Principal("a")))
    assert (line.from_, line.until) == (None, None)


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_damage_ends_the_reading(at: int) -> None:
    """A line with a changed byte is not read, nor anything behind it."""
    good, bad, last = (frame({"commit": number}) for number in (1, 2, 3))
    at %= len(bad)
    damaged = bad[:at] + bytes([bad[at] ^ 1]) + bad[at + 1 :]
    assert [line.commit for line in lines(good + damaged + last)] == [1]


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_torn_end(cut: int) -> None:
    """A line that was not written to its end is not read."""
    assert [line.commit for line in lines(frame({"commit": 1}) + frame({"commit": 2})[:-cut])] == [1]


def test_every_section_has_its_type() -> None:
    """What is put into a section reads back as that section's type, defaults left out of the text."""
    values = {
        "gateway": GatewayOptions(),
        "ledger": SECTIONS["ledger"](),
        "upstream": UpstreamOptions("a", "openai", "http://x"),
        "principal": Principal("a"),
        "credential": SECTIONS["credential"](principal="a"),
        "terms": SECTIONS["terms"](id="a", kind="contract"),
        "models": SECTIONS["models"](),
        "terms_shadow": SECTIONS["terms_shadow"](id="a", kind="licence"),
        "adoption": SECTIONS["adoption"](row="a", digest="00", by="b", at=1),
        "rule": SECTIONS["rule"](name="a", effect="flag"),
        "bundle": SECTIONS["bundle"](digest="00"),
        "limit": SECTIONS["limit"](),
        "standing": SECTIONS["standing"](),
    }
    assert set(values) == set(SECTIONS)
    for section, value in values.items():
        (line,) = lines(put(section, "a", value))
        assert msgspec.json.decode(line.value, type=SECTIONS[section]) == value
