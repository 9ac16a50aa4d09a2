"""A pytest plugin, loaded first: tests import the sources, for they reach into modules and stand in for their parts.

The processes that they start are free to run what was compiled. With TOS_PROXY_NATIVE=1 the tests themselves run it, which
tests/architecture/test_native.py does with those that need no stand-ins. They may keep byte code too, wherever the tests themselves
may not: a client program would compile its provider's package anew each time, which is half of its start.
"""

from __future__ import annotations

import os
from unittest import mock

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

with mock.patch.dict(os.environ):
    os.environ.setdefault("TOS_PROXY_NATIVE", "0")
    import proxy

assert proxy.NATIVE or os.environ.get("TOS_PROXY_NATIVE") != "1", "there are no compiled modules that fit the sources: make native"
