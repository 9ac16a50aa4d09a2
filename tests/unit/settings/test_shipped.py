"""The shipped policies."""

from __future__ import annotations

import pytest

from proxy.core.errors import TosProxyError
from proxy.settings.shipped import policies_folder


def test_packs_are_shipped() -> None:
    """They are found in the package or in the checkout around it; a part that is missing says what to do."""
    assert (policies_folder("packs") / "baseline" / "pack.yaml").is_file()
    with pytest.raises(TosProxyError, match="install tos-proxy again"):
        policies_folder("nothing")
