"""What others do, on the same traffic: each gives a client's prompts one number, larger for more suspect.

Thresholds are set afterwards, where each would raise as many false alarms. They are plain versions, written from the papers'
and the products' descriptions: counting requests; a list of phrases; PRADA's test of nearest distances (Juuti et al. 2019) over
words; the distance of a client's mean from that of others (MMD, with hashed words in place of embeddings); a weighted sum with
fixed weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import log, sqrt
from zlib import crc32

from proxy.detection.records import Observation

Score = Callable[[Sequence[Observation]], float]

_WORD = re.compile(r"[a-z]+")
_PHRASES = (
    "step by step", "reasoning", "chain of thought", "training data", "synthetic", "generate", "diverse", "instruction", "rubric",
    "rate the", "score", "dataset",
)  # fmt: skip
_WIDTH = 512


def words(prompt: Observation) -> list[str]:
    """Words of a prompt with its system text."""
    return _WORD.findall(f"{prompt.system} {prompt.prompt}".lower())[:200]


def requests(prompts: Sequence[Observation]) -> float:
    """How many."""
    return float(len(prompts))


def phrases(prompts: Sequence[Observation]) -> float:
    """The share of prompts with a phrase of the list."""
    hit = sum(any(phrase in f"{each.system} {each.prompt}".lower() for phrase in _PHRASES) for each in prompts)
    return hit / max(1, len(prompts))


def prada(prompts: Sequence[Observation]) -> float:
    """How far the nearest distances of new prompts to earlier ones are from a normal distribution (Jarque-Bera, per prompt)."""
    seen: list[set[str]] = []
    nearest: list[float] = []
    for each in prompts[:160]:
        mine = set(words(each))
        if not mine:
            continue
        if seen:
            nearest.append(min(1 - len(mine & other) / len(mine | other) for other in seen))
        seen.append(mine)
    if len(nearest) < 20:
        return 0.0
    mean = sum(nearest) / len(nearest)
    spread = sqrt(sum((value - mean) ** 2 for value in nearest) / len(nearest)) or 1e-9
    skew = sum(((value - mean) / spread) ** 3 for value in nearest) / len(nearest)
    bulge = sum(((value - mean) / spread) ** 4 for value in nearest) / len(nearest) - 3
    return skew**2 / 6 + bulge**2 / 24


def mean_words(prompts: Sequence[Observation]) -> list[float]:
    """The mean of the prompts' hashed words, of length 1 each."""
    mean = [0.0] * _WIDTH
    for each in prompts:
        counts: dict[int, int] = {}
        for word in words(each):
            place = crc32(word.encode()) % _WIDTH
            counts[place] = counts.get(place, 0) + 1
        size = sqrt(sum(count * count for count in counts.values())) or 1.0
        for place, count in counts.items():
            mean[place] += count / size / max(1, len(prompts))
    return mean


def mmd(reference: list[float]) -> Score:
    """The distance from the mean of a reference, of benign traffic."""

    def score(prompts: Sequence[Observation]) -> float:
        return sqrt(sum((one - two) ** 2 for one, two in zip(mean_words(prompts), reference, strict=True)))

    return score


def weighted_sum(prompts: Sequence[Observation]) -> float:
    """Velocity, phrases, a common beginning, single turns and long answers, with fixed weights."""
    if not prompts:
        return 0.0
    count = len(prompts)
    begins: dict[str, int] = {}
    for each in prompts:
        begins[each.prompt[:40]] = begins.get(each.prompt[:40], 0) + 1
    long = sum(each.output_tokens > 100 for each in prompts) / count
    single = sum(not each.turns for each in prompts) / count
    velocity = min(1.0, log(1 + count) / log(1001))
    return 0.2 * velocity + 0.25 * phrases(prompts) + 0.2 * max(begins.values()) / count + 0.15 * single + 0.2 * long
