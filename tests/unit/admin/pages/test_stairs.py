"""How a principal stood, drawn over time."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from proxy.admin.pages.stairs import LEVELS, Stood, stairs

HOUR = 3_600_000_000


def test_each_move_is_a_step_and_what_is_to_come_is_dashed() -> None:
    """Level by level in the order of time, from the beginning over now to the end; each finding is a point."""
    taken, ahead = [(0, "normal"), (HOUR, "watched"), (2 * HOUR, "limited")], [(6 * HOUR, "watched"), (8 * HOUR, "normal")]
    drawn = stairs(Stood(taken, ahead, (0, 4 * HOUR, 9 * HOUR)), [HOUR])
    root = ET.fromstring(str(drawn))
    classes = [one.get("class") for one in root.findall("path")]
    assert classes == [
        f"stair {name}" for name in ("normal", "watched", "limited", "limited ahead", "watched ahead", "normal ahead")
    ]
    begins = [float(re.findall(r"[\d.]+", str(one.get("d")))[0]) for one in root.findall("path")]
    assert begins == sorted(begins)
    levels = [int(float(re.findall(r"[\d.]+", str(one.get("d")))[1])) for one in root.findall("path")]
    assert levels == [LEVELS[name] for name in ("normal", "watched", "limited", "limited", "watched", "normal")]
    assert len(root.findall("circle")) == 1


def test_nothing_to_draw_is_no_error() -> None:
    """Nobody ever moved it, and no time has passed."""
    ET.fromstring(str(stairs(Stood([], [], (5, 5, 5)), [])))
