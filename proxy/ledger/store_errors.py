"""What can go wrong with the store, each in one line that an operator can act on."""

from __future__ import annotations

from proxy.core.errors import TosProxyError


class StoreError(TosProxyError):
    """The store cannot be used; the spool keeps everything until it can."""


class StoreInUseError(StoreError):
    """The SQLite file has an owner (a running control process) on this host; there can be one."""


class StoreNewerError(StoreError):
    """The database was written by a newer version; nothing was read or changed."""


class StoreUnavailableError(StoreError):
    """The database did not answer or refused; trying again later may help."""
