"""What the configuration says of upstreams, as tests and explanations need it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from proxy.policy.cases import Site
    from proxy.settings.schema import Settings
    from proxy.settings.terms import Terms


def sites(settings: Settings, terms: Terms) -> dict[str, Site]:
    """By upstream: host, dialect, the contract that it is under and the licence that it names."""
    from proxy.policy.cases import Site as Made

    return {
        name: Made(
            urlsplit(each.base_url).hostname or "", each.dialect, terms.contracts.get(name, each.contract), each.model_licence
        )
        for name, each in settings.upstreams.items()
    }
