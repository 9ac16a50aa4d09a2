"""What one process has of one shared budget: the lease at hand, what is owed, and how much to ask for next.

Leases grow while they are used up quickly and shrink when they are not, up to a fixed part of the budget, so that an idle worker
holds next to nothing that others could use.
"""

from __future__ import annotations

from proxy.core.buckets import Key

PART = 32
"""At most one part in so many of a budget is leased ahead."""
_QUICK_SECONDS = 1.0


class Given:
    """What the shared place gave: `amount` of the budget, of which `over` was used beyond it before."""

    __slots__ = ("amount", "over")

    def __init__(self, amount: int, over: int) -> None:
        self.amount = amount
        self.over = over


class Answer:
    """What the shared place answered: which `epoch` it counts since, its clock (µs since 1970), and what it gave to each ask."""

    __slots__ = ("clock_us", "epoch", "given")

    def __init__(self, epoch: str, clock_us: int, given: list[Given]) -> None:
        self.epoch = epoch
        self.clock_us = clock_us
        self.given = given


class Ask:
    """A question: `owed` counts in any case (negative: comes back, if window `window` is still going on); of `demand` at least
    `least` is of use; `ahead` is wanted beyond it where there is plenty.
    """

    __slots__ = ("account", "ahead", "count", "demand", "key", "least", "owed", "span_us", "window")

    def __init__(self, account: Account, owed: int, least: int, demand: int, ahead: int) -> None:
        self.account = account
        self.key = account.key
        self.count = account.count
        self.span_us = account.span_us
        self.owed = owed
        self.least = least
        self.demand = demand
        self.ahead = ahead
        self.window = account.window


class Account:
    """See the module. `left` is good until `until`, the end of the window of number `window`."""

    __slots__ = (
        "_ahead",
        "_demand",
        "_dry_amount",
        "_least",
        "_left",
        "_renewed",
        "_until",
        "asked",
        "count",
        "dry_until",
        "key",
        "owed",
        "seconds",
        "span_us",
        "window",
    )

    def __init__(self, key: Key, seconds: float) -> None:
        self.key = key
        self.seconds = seconds
        self.span_us = max(1, round(seconds * 1e6))
        self.count = 0
        self.window = -1
        self.owed = 0
        self.asked = False
        self.dry_until = 0.0
        self._dry_amount = 0
        self._left = 0
        self._until = 0.0
        self._least = 0
        self._demand = 0
        self._ahead = 1
        self._renewed = 0.0

    def at_hand(self, now: float) -> int:
        """What may be spent now: of a lease whose window has ended, nothing."""
        return self._left if now < self._until else 0

    def dry(self, amount: int, now: float) -> bool:
        """Whether the shared place has said that there is no such amount before the window ends."""
        return now < self.dry_until and amount >= self._dry_amount

    def low(self) -> bool:
        """Whether to ask for more before it is needed."""
        return self._left < self._ahead // 2

    def want(self, amount: int) -> None:
        """Somebody waits for so much."""
        self._demand += amount
        self._least = min(self._least, amount) if self._least else amount

    def take(self, amount: int, now: float) -> None:
        """Spend so much; what is not at hand is owed."""
        spent = min(amount, self.at_hand(now))
        self._left -= spent
        self.owed += amount - spent

    def give_back(self, amount: int, window: int, now: float) -> None:
        """So much of a window's was not used; once the window has ended there is nothing to give it back to."""
        if window == self.window and now < self._until:
            self._left += amount

    def ask(self) -> Ask:
        """The question to put now."""
        least, demand = self._least, self._demand
        self._least = self._demand = 0
        self.asked = True
        owed, self.owed = self.owed, 0
        return Ask(self, owed, least, demand, self._ahead)

    def receive(self, ask: Ask, given: Given, clock_us: int, sent: float, now: float) -> None:
        """The answer to a question put at `sent`."""
        self.asked = False
        window = clock_us // self.span_us
        until = sent + (self.span_us - clock_us % self.span_us) / 1e6
        if window != self.window or now >= self._until:
            self._left = 0
        self._left += given.amount
        self._until = max(until, self._until) if window == self.window else until
        self.window = window
        if ask.demand and not given.amount:
            self.dry_until, self._dry_amount = until, ask.least
        elif given.amount:
            most = max(1, self.count // PART)
            quick = now - self._renewed < _QUICK_SECONDS
            self._ahead = min(max(self._ahead, ask.demand) * 2, most) if quick else max(self._ahead // 2, 1)
            self._renewed = now

    def unanswered(self, ask: Ask) -> None:
        """There was no answer. What is owed is told again, though it may have been heard: nobody gains by that."""
        self.asked = False
        self.owed += max(ask.owed, 0)

    def void(self) -> None:
        """The lease is not good any more."""
        self._left = 0
        self._until = 0.0

    def give_up(self, now: float) -> Ask | None:
        """All that is left goes back; None where that is nothing."""
        left = self.at_hand(now)
        self._left = 0
        return Ask(self, self.owed - left, 0, 0, 0) if left or self.owed else None
