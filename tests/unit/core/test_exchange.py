"""An exchange begins knowing nothing, and keeps nothing that was not thought of."""

from __future__ import annotations

import pytest

from proxy.core.decision import ALLOWED, GRANTED, NO_OBJECTION
from proxy.core.exchange import NO_CREDENTIAL, NOBODY, Caller, Exchange


def test_beginning() -> None:
    """Before any step it is nobody's, allowed and unread."""
    exchange = Exchange("rec_1", 5, 6, "request")
    assert (exchange.id, exchange.at, exchange.mono, exchange.request) == ("rec_1", 5, 6, "request")
    assert (exchange.caller.principal, exchange.facts.inspection) == (NOBODY, "none")
    assert (exchange.verdict, exchange.decision, exchange.grant) == (NO_OBJECTION, ALLOWED, GRANTED)


def test_no_further_fields() -> None:
    """A step cannot smuggle a field to a later one."""
    with pytest.raises(AttributeError):
        Exchange("rec_1", 5, 6, None).note = 1  # type: ignore[attr-defined]


def test_caller() -> None:
    """A caller is lent nothing unless that was decided."""
    caller = Caller(NOBODY, NO_CREDENTIAL, "undeclared")
    assert (caller.inject, caller.source, caller.refused, caller.lasting) == (False, "", None, False)
