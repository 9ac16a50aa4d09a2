"""The few errors that cross a package border, each with what its reader should do next."""

from __future__ import annotations


class TosProxyError(Exception):
    """Root of every error that is ours; its text is fit to be shown to a person in one line."""


class LedgerUnavailableError(TosProxyError):
    """An entry could not be made durable; the exchange it belongs to must not go on.

    Args:
        reason: what failed, in words fit for an operator (`disk full`, `fsync failed: EIO`).

    """


class UpstreamError(TosProxyError):
    """No answer could be had from an upstream.

    Attributes:
        status: what the client is told, 502 (could not be reached, broke off) or 504 (too slow).
        sent: True once a byte of the request may have reached the upstream, so that a retry could repeat it.

    """

    def __init__(self, reason: str, *, status: int = 502, sent: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.sent = sent
