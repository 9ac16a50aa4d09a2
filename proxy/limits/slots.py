"""What one process has of exchanges that may be open at once, where workers and hosts share the number.

A slot is leased like a budget, but it comes back: it is this process's until the exchange in it ends, as long as the process goes
on saying so. A process that is gone, or that the shared place has not heard of for `HELD_SECONDS`, has none. What is leased and has
nobody in it goes back at once but for a small part of a large limit, since others may be waiting for it.
"""

from __future__ import annotations

from proxy.core.buckets import Key
from proxy.limits.accounts import PART, Account, Ask, Given

HELD_SECONDS = 15.0
"""So long a slot is held without a word from whoever has it; and so long nothing is given once the shared place has forgotten."""
RENEW_SECONDS = 5.0
FULL_SECONDS = 0.05
"""How soon to ask again once there was no slot to be had."""


class Slots(Account):
    """See the module. `open` exchanges are in `held` slots, which are good until `_until`; of the others so many are promised to
    those who waited for them and will come in a moment.
    """

    __slots__ = ("_promised", "held", "open")

    def __init__(self, key: Key) -> None:
        super().__init__(key, HELD_SECONDS)
        self.held = 0
        self.open = 0
        self._promised = 0

    def at_hand(self, now: float) -> int:
        """Slots with nobody in them."""
        return max(0, self.held - self.open) if now < self._until else 0

    def low(self) -> bool:
        """Whether to ask for more before it is needed, or to give back what is not."""
        return self.held - self.open < self.count // PART // 2 or self.surplus()

    def surplus(self) -> bool:
        """Whether others should have some of it."""
        return self.held - self.open - self._promised > 2 * (self.count // PART)

    def enter(self) -> None:
        """One more is open."""
        self.open += 1
        self._promised = max(0, self._promised - 1)

    def leave(self) -> None:
        """One is no longer open."""
        self.open = max(0, self.open - 1)

    def stale(self, now: float) -> bool:
        """Whether the shared place should hear of this again. Who was promised a slot has come by now, or will not."""
        self._promised = 0
        return bool(self.held or self.open) and not self.asked and now > self._until - HELD_SECONDS + RENEW_SECONDS

    def idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self.held or self.open or self.asked or self._demand)

    def question(self, now: float) -> Ask:
        """`Ask.owed` slots are kept in any case, `demand` are wanted; no more than is kept is used until there is an answer.
        `ahead` says how many wait.
        """
        waiting, self._demand = self._demand, 0
        wanted = self.open + waiting + self._promised + (self.count // PART if self.open or waiting else 0)
        self.held = max(self.open, min(self.held, wanted)) if now < self._until else self.open
        self.asked = True
        made = Ask(self, self.held, 0, wanted, waiting)
        made.span_us, made.window = 0, round(HELD_SECONDS * 1e6)
        return made

    def receive(self, ask: Ask, given: Given, clock_us: int, sent: float, now: float) -> None:  # noqa: ARG002
        """The answer to a question put at `sent`."""
        self.asked = False
        self.held = given.amount
        self._until = sent + HELD_SECONDS
        self._promised = max(0, min(self._promised + ask.ahead, self.held - self.open))
        if ask.ahead and self.held <= self.open:
            self.dry_until = now + FULL_SECONDS

    def dry(self, amount: int, now: float) -> bool:  # noqa: ARG002
        """Whether there was none a moment ago."""
        return now < self.dry_until

    def unanswered(self, ask: Ask) -> None:  # noqa: ARG002
        """There was no answer: what it may have given is not used."""
        self.asked = False

    def void(self) -> None:
        """Slots are good for who is in them alone."""
        self.held, self._promised = self.open, 0
        self._until = 0.0

    def give_up(self, now: float) -> Ask | None:
        """All of them go back: the process ends."""
        if not self.held:
            return None
        self.held = self.open = self._promised = 0
        return self.question(now)
