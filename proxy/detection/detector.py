"""The detector: takes observations of any number of clients in order and says when a finding comes, live and in a replay alike."""

from __future__ import annotations

import msgspec

from proxy.core.principal import UNDECLARED
from proxy.detection.dormancy import pack, unpack
from proxy.detection.linkage import Edges, Group
from proxy.detection.reading import Known, Reading
from proxy.detection.records import Observation
from proxy.detection.score import Level, Scorer, advance, looks
from proxy.detection.weights import ALL_TERMS, GROUPS, Weights
from proxy.detection.window import Scope, Traffic, terms_of


class Finding(msgspec.Struct, frozen=True):
    """`kind`: `extraction | question`. `prompt`: which of the client's prompts brought it, from 1, at `at` seconds. `scope`: -1 for
    all traffic, else the stream, or the thread (`window.THREAD`). `nats` of each term that spoke, strongest first; `version` of the
    weights. `corroborated`: what the host sees of its accounts ties the group, not their text alone. `samples`: records drawn
    from all that the client sent. `template`: the fixed text of its last prompt with `[…]` for the slots; content, to be sealed.
    """

    kind: str
    client: str
    prompt: int
    at: float
    scope: int
    score: float
    nats: dict[str, float]
    version: str
    group: str = ""
    corroborated: bool = False
    samples: tuple[str, ...] = ()
    template: str = ""


class Client:
    """One client's traffic and what was found. `requests`, `prompts`: counted; `strongest`: the level of its most suspect scope;
    `limited`: its own traffic alone is enough to slow it down. `dormant`: its traffic, packed while it is quiet.
    """

    __slots__ = ("dormant", "doubted", "flagged", "limited", "peak", "prompts", "purpose", "requests", "strongest", "traffic")

    def __init__(self, purpose: str) -> None:
        self.requests = 0
        self.prompts = 0
        self.purpose = purpose
        self.traffic: Traffic | None = None
        self.dormant = b""
        self.flagged: Finding | None = None
        self.doubted: Finding | None = None
        self.limited = False
        self.strongest: Level | None = None
        self.peak = 0.0


class Detector:
    """Scores clients by `weights`. `purposes`: declared ones, by client, over those that observations bring."""

    def __init__(self, weights: Weights, purposes: dict[str, str] | None = None, known: frozenset[int] = frozenset()) -> None:
        self.scorer = Scorer(weights)
        self.clients: dict[str, Client] = {}
        self._purposes = purposes or {}
        self._known = Known(weights.lexicon)
        self.edges = Edges(known)

    def client(self, name: str) -> Client:
        """The client of that name, new if need be."""
        found = self.clients.get(name)
        if found is None:
            found = self.clients[name] = Client(self._purposes.get(name, UNDECLARED))
        return found

    def request(self, name: str) -> None:
        """Count a request; its prompts are counted as they are observed."""
        self.client(name).requests += 1

    def observe(self, seen: Observation) -> list[Finding]:
        """Take in one prompt. Returns what it brought to light: mostly nothing."""
        client = self.client(seen.client)
        client.prompts += seen.weight
        if seen.purpose != UNDECLARED and seen.client not in self._purposes:
            client.purpose = seen.purpose
        if not seen.teaches or seen.status >= 400:  # an error teaches nothing; what is sent again after it is new
            return []
        if client.traffic is None:
            client.traffic = unpack(client.dormant) if client.dormant else Traffic()
            client.dormant = b""
        reading, gains, due = client.traffic.add(seen, self._known)
        found: list[Finding] = []
        for group, scopes in self.edges.add(reading, gains):
            found.extend(self._test_group(group, scopes, seen))
        if not due:
            return found
        for number, scope, terms in looks(client.traffic.streams.whole, due):
            found.extend(self._test(client, reading, number, scope, self.scorer.look(terms, client.purpose)))
            scope.fade()
        return found

    def rest(self, before: float) -> int:
        """Pack clients that have sent nothing since `before` (seconds, as in observations). Returns how many."""
        quiet = [
            client for client in self.clients.values() if client.traffic is not None and client.traffic.memory.past()[0] < before
        ]
        for client in quiet:
            assert client.traffic is not None
            client.dormant, client.traffic, client.strongest = pack(client.traffic), None, None
        return len(quiet)

    def _test(self, client: Client, reading: Reading, number: int, scope: Scope, level: Level) -> list[Finding]:
        weights = self.scorer.weights
        tests = weights.extraction, weights.question
        scope.level = level.nats
        nats = level.nats if level.may_flag else min(level.nats, tests[0].drift)
        scope.surplus = min(2 * tests[0].bound, advance(scope.surplus, nats, tests[0].drift, tests[0].step))
        client.limited |= scope.surplus >= tests[0].limit
        asked = level.question if client.purpose == UNDECLARED else -tests[1].step
        scope.doubt = min(2 * tests[1].bound, advance(scope.doubt, asked, tests[1].drift, tests[1].step))
        if client.strongest is None or scope.surplus >= client.peak:
            client.strongest, client.peak = level, scope.surplus
        found: list[Finding] = []
        if client.flagged is None and scope.surplus >= tests[0].bound:
            client.flagged = self._finding("extraction", client, reading, number, level, scope.surplus)
            found.append(client.flagged)
        if client.doubted is None and client.flagged is None and scope.doubt >= tests[1].bound:
            client.doubted = self._finding("question", client, reading, number, level, scope.surplus)
            found.append(client.doubted)
        return found

    def _test_group(self, group: Group, scopes: list[tuple[int, Scope]], seen: Observation) -> list[Finding]:
        """Looks at a group's streams, and the findings of its members: of all when it is found, later of those that join in."""
        test, ties = self.scorer.weights.extraction, self.scorer.weights.ties
        purpose = self.clients[seen.client].purpose
        linkage = self.edges.nats(group, ties.split, ties.trait)
        strongest_look: tuple[float, Level] | None = None
        for _, scope, terms in looks(group.streams.whole, scopes, linked=True):
            level = self.scorer.look(terms, purpose, linkage)
            nats = level.nats if level.may_flag else min(level.nats, test.drift)
            scope.level = level.nats
            scope.surplus = min(2 * test.bound, advance(scope.surplus, nats, test.drift, test.step))
            scope.fade()
            if strongest_look is None or scope.surplus > strongest_look[0]:
                strongest_look = scope.surplus, level
        if strongest_look is None or (strongest_look[0] < test.bound and not group.found):
            return []
        group.found = True
        surplus, level = strongest_look
        names = [self.edges.names[account] for account in sorted(group.members) if self.edges.belongs(group, account)]
        return [made for name in names if (made := self._join(group, name, level, surplus, seen.at))]

    def _join(self, group: Group, name: str, level: Level, surplus: float, at: float) -> Finding | None:
        """The finding of one member, unless there was one or its own traffic is innocent: nobody is framed by text alone."""
        member = self.clients[name]
        if member.flagged is not None or (member.traffic is None and not member.dormant):
            return None
        if member.traffic is None:
            member.traffic, member.dormant = unpack(member.dormant), b""
        own = self.scorer.look(terms_of(member.traffic.streams.whole.sums), member.purpose)
        if own.nats < self.scorer.weights.ties.innocent:
            return None
        score = self.scorer.probability(max(surplus, self.scorer.weights.extraction.bound))
        version = self.scorer.weights.version
        nats = {"linkage": round(level.groups[GROUPS.index("linkage")], 2), **strongest(level)}
        sure = group.corroborated > 0
        samples = tuple(member.traffic.samples.names())
        member.flagged = Finding("extraction", name, member.prompts, at, -1, score, nats, version, group.name, sure, samples)
        return member.flagged

    def _finding(self, kind: str, client: Client, reading: Reading, number: int, level: Level, gathered: float) -> Finding:
        seen, traffic = reading.seen, client.traffic
        score, version = self.scorer.probability(gathered), self.scorer.weights.version
        samples = tuple(traffic.samples.names()) if traffic is not None else ()
        template = traffic.streams.marked_up(reading.texts) if traffic is not None else ""
        made = Finding(kind, seen.client, client.prompts, seen.at, number, score, strongest(level), version)
        return msgspec.structs.replace(made, samples=samples, template=template)


def standing(client: Client, weights: Weights) -> str:
    """What the detector proposes: `normal | watched | limited`. Text that ties an account to others does not move it: anyone can
    copy a text.
    """
    if client.limited:
        return "limited"
    found = client.flagged is not None and (not client.flagged.group or client.flagged.corroborated)
    return "watched" if found or client.peak >= weights.extraction.bound / 2 else "normal"


def strongest(level: Level, most: int = 8) -> dict[str, float]:
    """Terms by what they gave, largest first, those that clear among them."""
    ranked = sorted(zip(ALL_TERMS, level.gave, strict=True), key=lambda pair: -abs(pair[1]))
    return {name: round(nats, 2) for name, nats in ranked[:most] if abs(nats) >= 0.05}
