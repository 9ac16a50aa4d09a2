"""Problems as lines."""

from __future__ import annotations

from proxy.documents.problems import ConfigurationError, Problem, dotted


def test_one_line_each() -> None:
    """A problem is `place: path: message (hint)`, without what is empty; an error is all of them."""
    first, second = Problem("f:1:2", "a.b", "is missing", "did you mean c?"), Problem("f", "", "cannot be read")
    assert str(first) == "f:1:2: a.b: is missing (did you mean c?)"
    assert str(ConfigurationError([first, second])) == f"{first}\nf: cannot be read"
    assert dotted(("a", 0, "b")) == "a.0.b"
