"""What a call refers to without containing it (`response:resp_…`, `file:file-…`, `batch:…`), and where such an object comes from.

A reference is written `kind:id`. Objects belong to an upstream: the same id at another upstream is another object. Pure rules, one
for the gateway that answers at once and for control that publishes: who counts as an object's maker, and how strict its verdict is.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from proxy.core.facts import AnswerFacts

UNKNOWN = "reference_unknown"
"""Flag of a request that refers to something whose making is in no record that we know."""

FOREIGN = "reference_foreign"
"""Flag of a request that refers to something which another principal made."""

KEY_BYTES = 16

_READING = ("GET", "HEAD", "DELETE")
_STRICTNESS = ("", "allow", "allow_with_obligations", "review", "forbid")


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where an object comes from: the record that made it (`at` microseconds since 1970), for whom, for what, with which verdict.

    `verdict` is the strictest of that call's own and of those it referred to. `kind` is that of the object which was made first: an
    output file that a batch names comes from the batch.
    """

    record: str
    at: int
    kind: str
    principal: str
    project: str
    purpose: str
    verdict: str
    endpoint: str
    model: str


class Refer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One reference as it was resolved before the call went out. `foreign`: another principal made it. `miss`: nobody here knows
    it, and then nothing else is said.
    """

    ref: str
    record: str = ""
    principal: str = ""
    purpose: str = ""
    verdict: str = ""
    foreign: bool = False
    miss: bool = False


def subkey(identity: bytes) -> bytes:
    """The key of the index, from the deployment's identity key, so that neither says anything about the other."""
    return blake2b(b"references", key=identity, digest_size=32).digest()


def reference_key(key: bytes, upstream: str, ref: str) -> bytes:
    """What an object is found by, 16 bytes: says nothing to whoever has the index and not the key."""
    return blake2b(f"{upstream}\0{ref}".encode("utf-8", "surrogatepass"), key=key, digest_size=KEY_BYTES).digest()


def kind_of(ref: str) -> str:
    """`file` of `file:file-1`."""
    return ref.partition(":")[0]


def made_by(facts: AnswerFacts) -> list[str]:
    """What an answer says was made, or shows of what there is; a response's own id counts."""
    upstream_id = facts.upstream_id
    if upstream_id is None or upstream_id[:5] != "resp_":
        return facts.created
    own = "response:" + upstream_id
    return facts.created if own in facts.created else [own, *facts.created]


def strictest(*verdicts: str) -> str:
    """The strictest of some verdicts; one that is not known here counts as the strictest."""
    return max(verdicts, key=lambda verdict: _STRICTNESS.index(verdict) if verdict in _STRICTNESS else len(_STRICTNESS))


def attributed(method: str, created: Sequence[str], refers: Sequence[Refer]) -> tuple[list[str], Refer | None]:
    """Which of `created` are new with this call, and what they come from: None when this call itself is their maker.

    An answer that names the object it was asked about shows something that exists (a batch that has its output file by now): what
    else it names comes from there, whoever looked. If nobody knows where that came from, nothing is known of the rest either.
    """
    about = next((refer for refer in refers if refer.ref in created), None)
    if about is not None:
        return ([] if about.miss else [ref for ref in created if ref != about.ref]), about
    return ([] if method in _READING else list(created)), None
