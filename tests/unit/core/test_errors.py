"""Errors that cross a package border can be told apart and shown."""

from __future__ import annotations

from proxy.core.errors import LedgerUnavailableError, TosProxyError, UpstreamError


def test_upstream_error() -> None:
    """It says what the client is told and whether a byte may have been sent."""
    error = UpstreamError("the upstream did not answer in time", status=504, sent=True)
    assert (str(error), error.status, error.sent) == ("the upstream did not answer in time", 504, True)
    assert (UpstreamError("x").status, UpstreamError("x").sent) == (502, False)


def test_one_root() -> None:
    """All of them are ours, and none is another."""
    assert issubclass(LedgerUnavailableError, TosProxyError)
    assert issubclass(UpstreamError, TosProxyError)
    assert not issubclass(UpstreamError, LedgerUnavailableError)
