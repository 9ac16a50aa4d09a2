"""Charts and graphs as SVG."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from proxy.admin.pages.drawing import MOST_DRAWN, Edge, activity, bar, graph, web

HOSTILE = "<script>alert(1)</script>\u202e"


def test_a_bar_goes_from_the_middle_to_its_side() -> None:
    """For to the right, against to the left, as long as it weighs; none is no error."""
    assert 'x="100.0" y="2" width="50.0" height="10" class="for"' in bar(2, 4)
    assert 'x="0.0" y="2" width="100.0" height="10" class="against"' in bar(-4, 4)
    assert 'width="0.0"' in bar(0, 0)


def test_activity_has_a_column_for_each_hour_in_which_something_was() -> None:
    """The last at the right, the greatest as high as there is room."""
    drawn = activity([0, 1, 0, 4])
    assert re.findall(r'<rect x="(\d+)" y="([\d.]+)"', drawn) == [("211", "45.5"), ("231", "2.0")]
    assert "<rect" not in activity([])


def test_a_graph_is_well_formed_whatever_accounts_are_called() -> None:
    """Names are text, nothing in them runs, hides or turns; only so many are drawn."""
    accounts = [HOSTILE, *(f"account-{number}" for number in range(100))]
    drawn = str(graph(accounts, ["one work list"], [Edge(name, "one work list", "+3.2 nats") for name in accounts]))
    assert "style" not in drawn
    assert "\u202e" not in drawn
    root = ET.fromstring(drawn)
    assert len(root.findall("circle")) == len(root.findall("path")) == MOST_DRAWN
    assert "<script>alert(1)</script>U+20…" in [one.text for one in root.findall("text")]


def test_a_web_joins_those_who_share() -> None:
    """Each pair that is drawn once, the thicker the more it shares; names are text here too."""
    accounts = [HOSTILE, *(f"account-{number}" for number in range(100))]
    root = ET.fromstring(
        str(web(accounts, [(HOSTILE, "account-0", 9), ("account-0", "account-1", 1), ("account-0", "account-99", 9)]))
    )
    assert [one.get("class") for one in root.findall("line")] == ["pair share3", "pair share1"]
    assert len(root.findall("circle")) == MOST_DRAWN
    ET.fromstring(str(web([], [])))
