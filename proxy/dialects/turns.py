"""The turns of a conversation while they are read: each dialect yields them, this adds them up or hands them on.

One reading serves both the facts of a request and the readers of the ledger, so that the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from proxy.core.facts import Message, RequestFacts
from proxy.dialects.parameters import flag, odd, refer

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
"""Our words for the roles that providers know."""


class Turn:
    """One turn: its texts in order, what it carries beside them, and the flags it deserves."""

    __slots__ = ("media", "odd", "references", "remote", "role", "texts", "tool_calls")

    def __init__(
        self,
        role: str,
        texts: list[str] | None = None,
        *,
        media: int = 0,
        references: list[tuple[str, Any]] | None = None,
        odd: bool = False,
    ) -> None:
        self.role = role
        self.texts: list[str] = [] if texts is None else texts
        self.media = media
        self.tool_calls = 0
        self.references = references
        self.remote = False
        self.odd = odd

    def refer(self, kind: str, identifier: Any) -> None:
        """Something that lies with the provider."""
        self.references = [*(self.references or ()), (kind, identifier)]


def role_of(value: Any, turn: Turn) -> str:
    """Our word for a provider's role; an unknown one counts as the user's and is odd."""
    known = ROLES.get(value) if type(value) is str else None
    if known is None:
        turn.odd = turn.odd or value is not None
        return "user"
    return known


def tally(turns: Iterable[Turn], facts: RequestFacts) -> None:
    """Add the turns to the facts of a request."""
    for turn in turns:
        texts = turn.texts
        chars = len(texts[0]) if len(texts) == 1 else sum(map(len, texts))
        if turn.role == "system":
            facts.system_chars += chars
        else:
            facts.prompt_chars += chars
        if turn.media:
            facts.media += turn.media
            flag(facts, "media")
        if turn.references:
            for kind, identifier in turn.references:
                refer(facts, kind, identifier)
        if turn.remote:
            flag(facts, "reference")
        if turn.odd:
            odd(facts)


def as_messages(turns: Iterable[Turn]) -> list[Message]:
    """The turns as readers of the ledger want them; several texts of one turn are joined by a newline."""
    return [Message(turn.role, "\n".join(turn.texts), turn.tool_calls, turn.media) for turn in turns]


def is_remote(url: Any) -> bool:
    """True for an address that leads elsewhere, so that what the model sees is not in the request."""
    return type(url) is str and not url.startswith("data:")
