"""Fixtures of the torture runs."""

from tests.servers import postgres, store_url

__all__ = ["postgres", "store_url"]
