"""Accounts that work off one list: found by the text that they share and others do not, and scored together as one client.

Every prompt's pieces are looked up in one table of bounded size. A piece that several accounts use, few enough among all, is
*shared*; shared pieces with much the same accounts make a *group*, and from then on each prompt with such a piece adds to the
group's sums. Independent users of a public benchmark or of one library's prompt share text as well; they are told apart by what
the sums say and by collisions: accounts that split one work list never send the same prompt twice.

Text is the client's to choose. So a group tied by text alone weighs little, and is a lead, never a reason to act against a member
whose own traffic looks innocent; networks, tenants and traits that the host sees (`Edges.traits`) corroborate it.
"""

from __future__ import annotations

from array import array
from math import log

import msgspec

from proxy.detection.reading import Reading
from proxy.detection.signals.signal import ramp
from proxy.detection.sketch import Pieces
from proxy.detection.window import Scope, Streams

PLACES, IDENTITIES = 1 << 16, 1 << 17
FEWEST = 4
"""Accounts that make a piece shared, and a group."""

MOST_SHARED = 4096
LONGEST_PIECE = 24
"""Characters from which a piece can tie: `explain your answer` ties nobody."""

PIECES = 512
MOST_TRAITS = 32
"""Of one account; who comes from ever new networks is tied by the first."""

REGROUP = 256
"""Prompts between two searches for groups."""

_FEW, _COMMON = 200, 0.1
_OVERLAP = 0.75
_GROUPS = 128


class Shared(msgspec.Struct, gc=False):
    """A piece that several accounts use. `met`: prompts with it, `collided`: of those, sent by another account before."""

    text: str
    accounts: set[int]
    met: int = 0
    collided: int = 0
    group: int = -1


class Group(msgspec.Struct, gc=False):
    """Accounts tied by shared pieces. `members`: prompts with such a piece, by account. `streams`: their sums and tests."""

    name: str
    members: dict[int, int]
    pieces: list[int]
    streams: Streams
    corroborated: float = 0.0
    found: bool = False


class Edges:
    """The table of pieces and the groups. About 2.3 MB, and at most `MOST_SHARED` shared pieces with their accounts' numbers."""

    def __init__(self, known: frozenset[int] = frozenset()) -> None:
        """`known`: marks of pieces that public frameworks ship, which tie nobody."""
        self.groups: list[Group] = []
        self.shared: dict[int, Shared] = {}
        self.traits: dict[int, tuple[str, ...]] = {}
        self._having: dict[str, int] = {}
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._known = known
        self._marks = array("I", bytes(4 * PLACES))
        self._users = array("i", b"\xff" * (4 * PLACES * (FEWEST - 1)))
        self._identities = array("Q", bytes(8 * IDENTITIES))
        self._senders = array("i", bytes(4 * IDENTITIES))
        self._since = 0
        self._sent = array("I")
        self._repeated = array("I")

    def number(self, client: str) -> int:
        """A client's number."""
        found = self._numbers.get(client)
        if found is None:
            found = self._numbers[client] = len(self.names)
            self.names.append(client)
            self._sent.append(0)
            self._repeated.append(0)
        return found

    def add_trait(self, client: str, trait: str) -> None:
        """Something that the host knows of an account and the client cannot choose: a network, a tenant, a means of payment."""
        number = self.number(client)
        known = self.traits.get(number, ())
        if trait not in known and len(known) < MOST_TRAITS:
            self.traits[number] = (*known, trait)
            self._having[trait] = self._having.get(trait, 0) + 1

    def drop_trait(self, client: str, trait: str) -> None:
        """Take one back; without effect where it is not known."""
        number = self.number(client)
        known = self.traits.get(number, ())
        if trait in known:
            self.traits[number] = tuple(each for each in known if each != trait)
            self._having[trait] -= 1

    def add(self, reading: Reading, gains: list[float]) -> list[tuple[Group, list[tuple[int, Scope]]]]:
        """Take in one prompt. Returns the groups that are due for a look, and which of their streams."""
        account = self.number(reading.seen.client)
        collided = self._collides(reading, account)
        if self.is_public(account):
            return []
        mine: set[int] = set()
        for mark, text in reading.texts.items():
            if len(text) >= LONGEST_PIECE and mark not in self._known and (shared := self._meet(mark, text, account)) is not None:
                shared.met += 1
                shared.collided += collided
                if shared.group >= 0:
                    mine.add(shared.group)
        self._since += 1
        if self._since >= REGROUP:
            self._since = 0
            self._regroup()
        return self._count(sorted(mine), account, reading, gains)

    def _count(
        self, groups: list[int], account: int, reading: Reading, gains: list[float]
    ) -> list[tuple[Group, list[tuple[int, Scope]]]]:
        due: list[tuple[Group, list[tuple[int, Scope]]]] = []
        for number in groups:
            group = self.groups[number]
            group.members[account] = group.members.get(account, 0) + 1
            if scopes := group.streams.add(reading.marks, gains):
                due.append((group, scopes))
        return due

    def _collides(self, reading: Reading, account: int) -> bool:
        """Whether another account sent the very same before; remembers who sent it, and the traits that came with it."""
        seen = reading.seen
        for kind, value in (("source", seen.source), ("tenant", seen.tenant)):
            if value:
                self.add_trait(seen.client, f"{kind}:{value}")
        place = seen.identity & (IDENTITIES - 1)
        collided = self._identities[place] == seen.identity and self._senders[place] != account
        self._sent[account] += 1
        if collided:
            self._repeated[account] += 1
            self._repeated[self._senders[place]] += 1
        else:
            self._identities[place], self._senders[place] = seen.identity, account
        return collided

    def is_public(self, account: int) -> bool:
        """Whether an account asks what others ask word for word: a public list, which ties nobody."""
        return self._repeated[account] >= 3 and self._repeated[account] * 10 >= self._sent[account]

    def sent_by(self, account: int) -> tuple[int, int]:
        """Prompts of an account, and how many of them another sent word for word."""
        return self._sent[account], self._repeated[account]

    def _meet(self, mark: int, text: str, account: int) -> Shared | None:
        """Remember who used a piece; the shared piece, once it is one."""
        shared = self.shared.get(mark)
        if shared is not None:
            shared.accounts.add(account)
            return shared
        place = mark & (PLACES - 1)
        at = place * (FEWEST - 1)
        users = self._users
        if self._marks[place] != mark:
            self._marks[place] = mark
            users[at] = account
            for offset in range(1, FEWEST - 1):
                users[at + offset] = -1
            return None
        before = users[at : at + FEWEST - 1]
        if account in before:
            return None
        for offset, user in enumerate(before):
            if user < 0:
                users[at + offset] = account
                return None
        if len(self.shared) >= MOST_SHARED:
            self._forget()
        self.shared[mark] = made = Shared(text[:160], {*before, account}, met=FEWEST - 1)
        return made

    def _forget(self) -> None:
        """Half of the shared pieces: those with the fewest accounts that tie no group."""
        loose = sorted((len(each.accounts), mark) for mark, each in self.shared.items() if each.group < 0)
        for _, mark in loose[: max(1, len(loose) // 2)]:
            del self.shared[mark]

    def _regroup(self) -> None:
        """Give shared pieces to the groups whose accounts they have, or to a new one."""
        everyone = len(self.names)
        most = max(_FEW, int(_COMMON * everyone))
        loose = [(mark, each) for mark, each in self.shared.items() if each.group < 0 and FEWEST < len(each.accounts) <= most]
        for _, each in loose:
            each.accounts = {account for account in each.accounts if not self.is_public(account)}
        loose = [pair for pair in loose if len(pair[1].accounts) > FEWEST]
        loose.sort(key=lambda pair: (-len(pair[1].accounts), pair[0]))
        for mark, each in loose:
            if each.collided > 0.1 * each.met:
                continue
            number = self._nearest(each.accounts)
            if number < 0:
                if len(self.groups) >= _GROUPS:
                    continue
                number = len(self.groups)
                self.groups.append(Group(f"g{number + 1}", {}, [], Streams(Pieces(PIECES))))
            group = self.groups[number]
            each.group = number
            group.pieces.append(mark)
            for account in each.accounts:
                group.members.setdefault(account, 0)

    def _nearest(self, accounts: set[int]) -> int:
        best, nearest = _OVERLAP, -1
        for number, group in enumerate(self.groups):
            both = sum(1 for account in accounts if account in group.members)
            share = both / min(len(accounts), max(1, len(group.members)))
            if share > best:
                best, nearest = share, number
        return nearest

    def belongs(self, group: Group, account: int) -> bool:
        """Whether an account has sent enough of what the group shares: three prompts, and one in twelve of all its own."""
        return group.members[account] >= 3 and group.members[account] * 12 >= self._sent[account]

    def nats(self, group: Group, split: float, trait: float) -> float:
        """What the ties say: `split` nats for one work list among many accounts, `trait` for what the host sees of them."""
        group.corroborated = self.corroboration(group)
        apart = [account for account in group.members if not self.is_public(account)]
        sent = sum(self._sent[account] for account in apart)
        repeated = sum(self._repeated[account] for account in apart)
        if not sent:
            return group.corroborated * trait
        # Independent users of one list have sent the same by the time they have sent some hundreds; until then nothing is said.
        sure = ramp(sent, 100, 400) * (1 - ramp(repeated / sent, 0.01, 0.08))
        return ramp(log(len(apart)), log(FEWEST), log(12)) * sure * split + group.corroborated * trait

    def corroboration(self, group: Group) -> float:
        """0 to 1: how far traits that are rare among all accounts are common among the members (a hub of half of them is full)."""
        counts: dict[str, int] = {}
        for account in group.members:
            for trait in self.traits.get(account, ()):
                counts[trait] = counts.get(trait, 0) + 1
        if not counts:
            return 0.0
        trait, most = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
        everyone = self._having[trait]
        rare = most >= 3 and most > 0.5 * everyone and len(self.names) > len(group.members)
        return ramp(most / len(group.members), 0.1, 0.5) if rare else 0.0
