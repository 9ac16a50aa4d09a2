"""The ledger's form as the corridor knows it."""

from __future__ import annotations

import inspect

import pytest

from proxy.gateway import recording
from proxy.ledger.recorder import Recorder
from proxy.ledger.session_stream import SessionStream
from proxy.ledger.stream import Stream


@pytest.mark.parametrize(
    ("form", "real"),
    [(recording.Stream, Stream), (recording.SessionStream, SessionStream), (recording.Ledger, Recorder)],
)
def test_the_ledger_has_this_form(form: type, real: type) -> None:
    """Every method that the corridor calls is there, and takes what it is given."""
    for name, method in inspect.getmembers(form, inspect.isfunction):
        if not name.startswith("_"):
            wanted = list(inspect.signature(method).parameters)
            assert list(inspect.signature(getattr(real, name)).parameters)[: len(wanted)] == wanted
