"""Budgets that several workers and hosts share, spent in this process from leases of them.

A budget is so much in each window of the shared clock: windows are fixed, and the shared place hands out no more than the budget of
each. What it hands out is a lease, good until its window ends and no longer, so that what was handed out bounds what is let through
in every window, wherever it is spent and whatever becomes of the shared place meanwhile. This file decides from what is at hand and
says what to ask for; asking is another's (`limits/redis.py`).

A lease's end is known by the shared clock alone: it is counted from the moment at which the question was sent, which is never later
than the moment at which it was answered, so a lease never outlives its window.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from proxy.core.buckets import CONCURRENT, PROMPTS, Bucket, Key, Part, Reservation, Wanted
from proxy.core.decision import Grant
from proxy.core.oneshot import Oneshot
from proxy.limits.accounts import Account, Answer, Ask
from proxy.limits.opened import BUSY_SECONDS
from proxy.limits.seen import Seen
from proxy.limits.slots import Slots

MOST = 16_384
"""Budgets that are known at once: 8 MB. Whoever was idle longest loses its lease, and is given another."""
WAIT_SECONDS = 0.025
"""The longest that a decision waits for a lease."""
_ASK_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 1.0
"""Between two looks for slots of which the shared place should hear again."""


class Leases:
    """All limits of one process, leased. Times are seconds of one clock that never goes back. `wake` is called when there is
    something to ask for. `linked`: an answer can be hoped for. `voided` counts how often all leases were, `overrun` what was
    used beyond budgets.
    """

    def __init__(self, wake: Callable[[], None], most: int = MOST) -> None:
        self.linked = True  # until it is known that it is not: who comes first waits like others
        self.epoch = ""
        self.voided = 0
        self.overrun = 0
        self._wake = wake
        self._most = most
        self._accounts: OrderedDict[Key, Account] = OrderedDict()
        self._wanting: dict[Key, Account] = {}
        self._slots: dict[Key, Slots] = {}
        self._looked = 0.0
        self._seen = Seen()
        self._waiting: list[tuple[float, Oneshot[None]]] = []
        self._flying: list[tuple[float, Oneshot[None]]] = []

    # --- what is decided at once

    def reserve(self, wanted: Wanted, now: float, prompt: int = 0, *, credit: bool = False) -> Grant:
        """See `memory.MemoryLimiter.reserve`. Where a lease is missing and may come, the grant says what to wait for; whoever
        cannot wait has it on `credit`, unless it is known that there is none.
        """
        taking: list[tuple[Account, Bucket, int]] = []
        short: list[tuple[Account, Bucket, int]] = []
        entering: list[tuple[Slots, Bucket]] = []
        for bucket, amount in wanted:
            if bucket.kind == CONCURRENT:
                slots = self._of(bucket)
                entering.append((slots, bucket))
                if slots.at_hand(now) < 1:
                    short.append((slots, bucket, 1))
            elif not (prompt and bucket.kind == PROMPTS and self._seen.known(bucket.key, prompt, now, bucket.rate.seconds)):
                account = self._account(bucket)
                taking.append((account, bucket, amount))
                if amount > account.at_hand(now):
                    short.append((account, bucket, amount))
        objection = self._missing(short, now, credit) if short else None
        if objection is not None:
            return objection
        parts: list[Part] = []
        for account, bucket, amount in taking:
            self._take(account, amount, now)
            parts.append((bucket, amount, float(account.window)))
            if prompt and bucket.kind == PROMPTS:
                self._seen.add(bucket.key, prompt, now)
        for slots, _ in entering:
            slots.enter()
            self._look(slots)
        return Grant(held=Reservation(parts, [bucket for _, bucket in entering]))

    def _missing(self, short: list[tuple[Account, Bucket, int]], now: float, credit: bool) -> Grant | None:
        """What is said where leases are short; None for credit."""
        for account, bucket, amount in short:
            if account.dry(amount, now):
                return self._denied(max(account.dry_until - now, BUSY_SECONDS if bucket.kind == CONCURRENT else 0.0), bucket)
        _, bucket, _ = short[0]
        if not self.linked:
            return self._denied(_ASK_AGAIN_SECONDS, bucket, uncounted=True)
        for account, _, amount in short:
            if not credit:
                account.want(amount)
            self._wanting[account.key] = account
        if credit:
            return None
        coming: Oneshot[None] = Oneshot()
        self._waiting.append((now, coming))
        self._wake()
        wait = _ASK_AGAIN_SECONDS
        return Grant(granted=False, wait=wait, limit=bucket.told, message=bucket.message, coming=coming, uncounted=True)

    @staticmethod
    def _denied(wait: float, bucket: Bucket, *, uncounted: bool = False) -> Grant:
        return Grant(granted=False, wait=wait, limit=bucket.told, message=bucket.message, uncounted=uncounted)

    def _take(self, account: Account, amount: int, now: float) -> None:
        account.take(amount, now)
        if account.owed or account.low():
            self._look(account)

    def _look(self, account: Account) -> None:
        """There may be something to ask for."""
        if account.key not in self._wanting and (account.owed or account.low()):
            self._wanting[account.key] = account
            if not account.asked:
                self._wake()

    # --- what is told later

    def settle(self, held: Reservation, used: Mapping[str, int], now: float) -> None:
        """See `MemoryLimiter.settle`. What is owed is told to the shared place, which has it paid before it leases again."""
        for bucket, amount, window in held.parts:
            if not bucket.settles:
                continue
            more = used[bucket.kind] - amount
            if more > 0:
                self._take(self._account(bucket), more, now)
            elif more < 0:
                self._account(bucket).give_back(-more, int(window), now)
        held.parts = []

    def release(self, held: Reservation, now: float) -> None:
        """See `MemoryLimiter.release`."""
        for bucket, amount, window in held.parts:
            if bucket.kind != PROMPTS:
                self._account(bucket).give_back(amount, int(window), now)
        held.parts = []
        self.ended(held)

    def ended(self, held: Reservation) -> None:
        """See `MemoryLimiter.ended`."""
        for bucket in held.open:
            slots = self._of(bucket)
            slots.leave()
            self._look(slots)
        held.open = []

    # --- what is asked of the shared place

    def asks(self, now: float, most: int = 256) -> list[Ask]:
        """What to ask for now, so much at most; one answer or `lost` must follow before it is called again."""
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._wanting.update({key: slots for key, slots in self._slots.items() if slots.stale(now)})
        keys = list(self._wanting)[:most]
        self._flying, self._waiting = self._waiting, []
        return [self._question(self._wanting.pop(key), now) for key in keys]

    @staticmethod
    def _question(account: Account, now: float) -> Ask:
        return account.question(now) if isinstance(account, Slots) else account.ask()

    @property
    def waited_for(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting or self._flying)

    @property
    def due(self) -> bool:
        """Whether there is something to ask for."""
        return bool(self._wanting)

    def answered(self, asks: Sequence[Ask], answer: Answer, sent: float, now: float) -> None:
        """The shared place has answered what was asked at `sent`. Another epoch than before means that it has forgotten what it
        handed out: nothing of before is good any more.
        """
        self.linked = True
        if answer.epoch != self.epoch:
            if self.epoch:
                self.voided += 1
                for account in self._accounts.values():
                    account.void()
                for key, slots in self._slots.items():
                    slots.void()
                    self._wanting[key] = slots  # who is in them has to be known anew
            self.epoch = answer.epoch
        for ask, given in zip(asks, answer.given, strict=True):
            self.overrun += given.over
            ask.account.receive(ask, given, answer.clock_us, sent, now)
            if isinstance(ask.account, Slots) and ask.account.surplus():
                self._wanting[ask.account.key] = ask.account
        self._resume()

    def lost(self, asks: Sequence[Ask]) -> None:
        """There was no answer: what it may have handed out is nobody's, and until there is one nobody waits."""
        self.linked = False
        for ask in asks:
            ask.account.unanswered(ask)
            if ask.account.owed or isinstance(ask.account, Slots):
                self._wanting[ask.account.key] = ask.account
        self._flying, self._waiting = [*self._flying, *self._waiting], []
        self._resume()

    def tire(self, now: float) -> None:
        """Let those go who have waited for long enough; while there is no answer nobody else begins to wait."""
        waited = [*self._flying, *self._waiting]
        if not waited or now - waited[0][0] < WAIT_SECONDS:
            return
        self.linked = False
        self._flying, self._waiting = waited, []
        self._resume()

    def unspent(self, now: float) -> list[Ask]:
        """What to give back at the end."""
        every: list[Account] = [*self._accounts.values(), *self._slots.values()]
        return [ask for account in every if (ask := account.give_up(now)) is not None]

    def _resume(self) -> None:
        flying, self._flying = self._flying, []
        for _, coming in flying:
            coming.set(None)

    def _account(self, bucket: Bucket) -> Account:
        accounts = self._accounts
        account = accounts.get(bucket.key)
        if account is None or account.seconds != bucket.rate.seconds:
            if len(accounts) >= self._most:
                accounts.popitem(last=False)
            account = accounts[bucket.key] = Account(bucket.key, bucket.rate.seconds)
        account.count = bucket.rate.count
        accounts.move_to_end(bucket.key)
        return account

    def _of(self, bucket: Bucket) -> Slots:
        slots = self._slots.get(bucket.key)
        if slots is None:
            if len(self._slots) >= self._most:
                self._slots = {key: each for key, each in self._slots.items() if not each.idle()}
            slots = self._slots[bucket.key] = Slots(bucket.key)
        slots.count = bucket.rate.count
        return slots
