"""tos-proxy: the terms-of-service compliance proxy for model APIs."""

from proxy.native import prefer

__version__ = "0.1.0"

NATIVE = prefer()
"""Whether this process runs the compiled modules."""
