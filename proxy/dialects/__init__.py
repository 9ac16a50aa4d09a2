"""The wire formats we understand, in the order in which they are asked, and the search for the row a request belongs to."""

from __future__ import annotations

from proxy.dialects.anthropic import AnthropicDialect
from proxy.dialects.contract import Dialect, Endpoint, PathParameters
from proxy.dialects.gemini import GeminiDialect
from proxy.dialects.ollama import OllamaDialect
from proxy.dialects.openai import OpenAIDialect
from proxy.dialects.passthrough import OTHER, PassthroughDialect

DIALECTS: tuple[Dialect, ...] = (
    OpenAIDialect(),
    AnthropicDialect(),
    GeminiDialect(),
    OllamaDialect(),
    PassthroughDialect(),
)

_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


def by_name(name: str) -> Dialect:
    """The dialect of that name; KeyError when there is none."""
    return _BY_NAME[name]


def find(default: Dialect, method: str, path: str) -> tuple[Dialect, Endpoint, PathParameters]:
    """The dialect and the row for a request.

    The path decides, the upstream's own dialect is asked first. Without any row it is `passthrough.OTHER`, in the upstream's
    dialect, whose error shapes its clients know.
    """
    for dialect in (default, *DIALECTS):
        found = dialect.match(method, path)
        if found is not None:
            return dialect, *found
    return default, OTHER, PathParameters()
