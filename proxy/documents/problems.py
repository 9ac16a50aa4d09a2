"""What can be wrong with a configuration, said in one line per problem, all at once."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.core.errors import TosProxyError

Path = tuple[str | int, ...]
"""Where a value stands in the configuration: `("upstreams", "openai", "base_url")`."""


@dataclass(frozen=True)
class Problem:
    """`place` is `file:line:column`, or `environment: VARIABLE`; `hint` may be empty."""

    place: str
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        parts = [part for part in (self.place, self.path, self.message) if part]
        return ": ".join(parts) + (f" ({self.hint})" if self.hint else "")


class ConfigurationError(TosProxyError):
    """The configuration cannot be used. `problems` is never empty; the exception's text is one line per problem. `followed`: files
    and folders beside the configuration's own file, as far as it could be read, whose change may mend it.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.followed: tuple[str, ...] = ()


def dotted(path: Path) -> str:
    """`upstreams.openai.base_url`; list positions are numbers."""
    return ".".join(str(part) for part in path)
