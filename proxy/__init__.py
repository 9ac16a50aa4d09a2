"""tos-proxy: the terms-of-service compliance proxy for model APIs."""

__version__ = "0.1.0"
