"""Everyone whose traffic the analyst watches, in bounded memory, and what of it moves how they stand.

At most `ACTIVE` clients are unpacked; beyond that those that were quiet longest are packed into under a kilobyte each, and of more
than `MOST` clients forgotten. What ties accounts is kept by the detector, within its own bounds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from proxy.core.principal import UNDECLARED
from proxy.detection.detector import Client, Detector, Finding
from proxy.detection.dormancy import unpack
from proxy.detection.records import Observation
from proxy.detection.weights import Weights
from proxy.ledger.store_traits import Trait

ACTIVE = 5_000
MOST = 100_000


class Population:
    """One per analyst. `forgotten`: clients of whom nothing is left, since there were too many."""

    def __init__(self, weights: Weights, *, active: int = ACTIVE, most: int = MOST) -> None:
        self.weights = weights
        self.detector = Detector(weights)
        self.forgotten = 0
        self._active = active
        self._most = most
        self._awake: OrderedDict[str, float] = OrderedDict()
        self._traits: set[Trait] = set()

    def client(self, name: str) -> Client | None:
        """What is known of a client; None for one that never came."""
        return self.detector.clients.get(name)

    def request(self, name: str) -> None:
        """Count a request, before its prompts are shown."""
        self.detector.request(name)
        clients = self.detector.clients
        clients[name] = clients.pop(name)  # the longest quiet come first
        if len(clients) > self._most:
            gone = next(iter(clients))
            del clients[gone]
            self._awake.pop(gone, None)
            self.forgotten += 1

    def show(self, seen: Observation) -> list[Finding]:
        """Show one prompt to the detector."""
        awake = self._awake
        awake[seen.client] = seen.at
        awake.move_to_end(seen.client)
        if len(awake) > self._active:
            # a tenth at once, since the detector looks at everybody to find them
            quiet = [awake.popitem(last=False)[1] for _ in range(max(1, self._active // 10))]
            self.detector.rest(max(quiet) + 1e-6)
        return self.detector.observe(seen)

    def explained(self, name: str, purpose: str) -> bool:
        """Whether a client now declares a purpose, having declared none, by which traffic like its own can be explained. Its tests
        begin anew then.
        """
        client = self.client(name)
        if client is None or purpose == UNDECLARED or client.purpose != UNDECLARED:
            return False
        client.purpose = purpose
        if not any(purpose.startswith(beginning) for beginning in self.weights.explains):
            return False
        self.forgive(name)
        return True

    def forgive(self, name: str) -> None:
        """Let a client's tests begin anew; what it is like stays known."""
        client = self.client(name)
        if client is None:
            return
        client.flagged = client.doubted = client.strongest = None
        client.limited, client.peak = False, 0.0
        if client.traffic is None and client.dormant:
            client.traffic, client.dormant = unpack(client.dormant), b""
        if client.traffic is not None:
            for scope in client.traffic.scopes():
                scope.surplus = scope.doubt = 0.0

    def proposes(self, name: str) -> str:
        """How a client should stand by its own traffic, that of its last prompt and of the whole: `normal | watched | limited`.

        What ties it to others is left out: text is everybody's to choose, and nobody is to be framed by it.
        """
        client = self.client(name)
        if client is None or client.traffic is None:
            return "normal"
        test = self.weights.extraction
        gathered = max(scope.surplus for scope in client.traffic.here())
        if gathered >= test.limit:
            return "limited"
        alone = client.flagged is not None and not client.flagged.group
        return "watched" if gathered >= test.bound / 2 or (alone and gathered > 0) else "normal"

    def tied_by_host(self, finding: Finding) -> bool:
        """Whether what the host sees, a network or an imported trait, ties this very member to its group, not text alone."""
        edges = self.detector.edges
        return bool(finding.group and finding.corroborated and edges.traits.get(edges.number(finding.client)))

    def know(self, traits: Iterable[Trait]) -> None:
        """Take over what was imported, in the place of what was imported before."""
        edges, found = self.detector.edges, set(traits)
        for principal, trait, value in self._traits - found:
            edges.drop_trait(principal, f"{trait}:{value}")
        for principal, trait, value in found - self._traits:
            edges.add_trait(principal, f"{trait}:{value}")
        self._traits = found
