"""A pytest plugin, loaded first: tests import the sources, for they reach into modules and stand in for their parts.

The processes that they start are free to run what was compiled. With TOS_PROXY_NATIVE=1 the tests themselves run it, which
tests/architecture/test_native.py does with those that need no stand-ins.
"""

from __future__ import annotations

import os
from unittest import mock

with mock.patch.dict(os.environ):
    os.environ.setdefault("TOS_PROXY_NATIVE", "0")
    import proxy

assert proxy.NATIVE or os.environ.get("TOS_PROXY_NATIVE") != "1", "there are no compiled modules that fit the sources: make native"
