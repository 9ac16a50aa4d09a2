"""JSON Schema of policy files."""

from __future__ import annotations

from proxy.core.principal import PURPOSES
from proxy.policy.editors import json_schema
from proxy.policy.names import MATCHED


def test_match_offers_names_and_words() -> None:
    """What may be matched is listed with its meaning, settled words are offered, and one text stands for a list of one."""
    spec = json_schema("policy")["$defs"]["PolicySpec"]["properties"]
    match = spec["match"]
    assert list(match["properties"]) == list(MATCHED)
    assert match["additionalProperties"] is False
    assert match["properties"]["purpose"]["anyOf"][0]["anyOf"][0] == {"enum": list(PURPOSES)}
    assert [each["type"] for each in spec["clauses"]["anyOf"]] == ["string", "array"]


def test_a_pack_has_a_version() -> None:
    """Each kind of file has a schema of its own."""
    assert "version" in json_schema("pack")["$defs"]["PackMetadata"]["required"]
