"""Who acts, as records name them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from proxy.admin.api.deciding import Act, who


@pytest.mark.parametrize(("by", "named"), [("", "ann"), ("ann", "ann"), ("bob", "bob (ann)")])
def test_who_acts(by: str, named: str) -> None:
    """Who signed in is named whatever they call themselves."""
    request: Any = SimpleNamespace(state=SimpleNamespace(session=SimpleNamespace(name="ann")))
    assert who(request, Act(by=by)) == named
