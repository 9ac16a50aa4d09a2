"""Where the shipped policies are: inside the installed package, or in the checkout around it."""

from __future__ import annotations

from pathlib import Path

import proxy
from proxy.core.errors import TosProxyError


def policies_folder(part: str) -> Path:
    """`packs` or `schema`. Raises: TosProxyError when it is missing (a broken installation)."""
    package = Path(proxy.__file__).resolve().parent
    for folder in (package / "_policies" / part, package.parent / "policies" / part):
        if folder.is_dir():
            return folder
    raise TosProxyError(f"the shipped {part} are missing from this installation; install tos-proxy again")
