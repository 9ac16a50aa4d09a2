"""Terms in a snapshot."""

import msgspec

from proxy.core import snapshot
from proxy.core.terms import Cell, ModelGlob, Models, Row


def test_a_row_and_the_models_survive_the_snapshot() -> None:
    """What was compiled is what a gateway reads."""
    row = Row("openai.api", "contract", cells={"train.general": (Cell("forbid", "prohibition", starts=5, clauses=("openai.3",)),)})
    models = Models((ModelGlob("gpt-*", "openai.api"),))
    for section, value in (("terms", row), ("models", models)):
        line = next(snapshot.lines(snapshot.put(section, "name", value)))
        assert msgspec.json.decode(line.value, type=snapshot.SECTIONS[section]) == value
