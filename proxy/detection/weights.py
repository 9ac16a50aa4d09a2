"""The weights of the detector: data with a version, written by `make train-detector`, checked when read."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from proxy.core.errors import TosProxyError
from proxy.detection.lexicon import NOTHING, Lexicon
from proxy.detection.signals import TERMS

DERIVED = ("sweep", "endless_template", "labelling", "self_play", "refined", "chained")
ALL_TERMS = (*TERMS, *DERIVED)
GROUPS = ("volume", "structure", "purpose", "outputs", "harvest", "linkage", "exculpatory")
CARRYING = ("purpose", "outputs", "harvest", "linkage")
"""Groups of which one has to speak for a finding of extraction."""


class WeightsError(TosProxyError):
    """A file of weights that cannot be used; the text says why."""


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`weight`: nats at value 1, of extraction; `question`: the same, of a sweep. `says`: what a person reads. `benign`: share of
    benign client-days in training whose value is one half or more.
    """

    group: str
    weight: float
    says: str
    question: float = 0.0
    benign: float | None = None


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of what a group may add, in nats."""

    low: float
    high: float


class Test(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sequential test: each look adds the level less `drift`, at most `step` nats, never below 0, until `bound`: a finding.
    From `limit` on it is strong enough to slow a client down.
    """

    bias: float
    drift: float
    step: float
    bound: float
    limit: float


class Ties(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of linked groups: nats for one work list among many accounts, for traits that the host sees; the level below which a member's
    own traffic is too innocent to be counted in.
    """

    split: float
    trait: float
    innocent: float


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file. `prior`: log-odds of extraction before anything is seen. `explains`: what a declared purpose explains, by its
    beginning: terms that then count for nothing, `*` for all. `lexicon`: what words weigh.
    """

    version: str
    extraction: Test
    question: Test
    prior: float
    groups: dict[str, Cap]
    terms: dict[str, Term]
    explains: dict[str, list[str]]
    ties: Ties
    training: dict[str, Any] = {}
    lexicon: Lexicon = NOTHING


def read_weights(text: str | bytes, name: str = "weights") -> Weights:
    """Weights from JSON.

    Raises:
        WeightsError: not JSON, an unknown key, or terms and groups that are not those of this detector.

    """
    try:
        weights = msgspec.json.decode(text, type=Weights)
    except msgspec.DecodeError as error:
        raise WeightsError(f"{name}: {error}") from None
    if set(weights.terms) != set(ALL_TERMS):
        wrong = sorted(set(weights.terms) ^ set(ALL_TERMS))
        raise WeightsError(f"{name}: these terms are not both here and in the detector: {', '.join(wrong)}")
    if set(weights.groups) != set(GROUPS) or any(term.group not in GROUPS for term in weights.terms.values()):
        raise WeightsError(f"{name}: the groups are {', '.join(GROUPS)}")
    return weights


def write_weights(weights: Weights) -> str:
    """The file's text."""
    return json.dumps(msgspec.to_builtins(weights), indent=1, ensure_ascii=False) + "\n"
