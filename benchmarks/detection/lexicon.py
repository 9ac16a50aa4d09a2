"""Fits the lexicon to texts written for it: penalised logistic loss over words and pairs of words.

    python -m benchmarks.detection.lexicon      # how well it does on texts of kinds that were left out

`wordings/*.jsonl`: constant texts as programs of all kinds have them, one JSON object a line: `label` (`data`: it makes data for
a model, or `other`), `family` (the kind of program), `text`. They are nobody's prompts: they were written to be as unlike each
other as programs are, with hard neighbours on either side. Ratings that make data are left out: by its words nobody tells a reward
model's from an evaluation's.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from math import exp, sqrt
from pathlib import Path
from random import Random

import msgspec

from proxy.detection import pieces
from proxy.detection.lexicon import Lexicon, terms

FOLDER = Path(__file__).parent / "wordings"
LEAST = 2
"""Texts that a word has to be in."""
PENALTY = 3
ROUNDS = 30
STEP = 0.5
SMALLEST = 0.25
"""Weights below it are left out."""
_RATES = ("rating", "judge", "verification", "grading")


class Text(msgspec.Struct):
    """One text: the words of its pieces, and how many there are."""

    data: bool
    family: str
    words: dict[str, int]
    count: int


def read_texts() -> list[Text]:
    """All texts but ratings that make data."""
    found = []
    for file in sorted(FOLDER.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row["label"] == "data" and any(word in row["family"].lower() for word in _RATES):
                continue
            words = Counter(word for piece in pieces.cut(row["text"]).values() for word in terms(piece))
            found.append(Text(row["label"] == "data", row["family"].lower(), words, words.total()))
    return found


def fit(texts: list[Text]) -> Lexicon:
    """By stochastic gradients, a falling step for each word (Duchi et al. 2011), in an order of chance that is always the same."""
    spread = Counter(word for text in texts for word in text.words)
    weights = {word: 0.0 for word, count in spread.items() if count >= LEAST}
    moved = dict.fromkeys(weights, 1e-6)
    bias, shrink = 0.0, PENALTY / len(texts)
    source = Random(1)
    order = [
        (1.0 if text.data else -1.0, [(word, count / sqrt(text.count)) for word, count in text.words.items() if word in weights])
        for text in texts
        if text.count
    ]
    for _ in range(ROUNDS):
        source.shuffle(order)
        for sign, values in order:
            margin = sign * (bias + sum([weights[word] * value for word, value in values]))
            pull = -sign / (1 + exp(min(50.0, margin)))
            bias -= 0.01 * pull
            for word, value in values:
                slope = pull * value + shrink * weights[word]
                moved[word] += slope * slope
                weights[word] -= STEP * slope / sqrt(moved[word])
    kept = {word: round(weight, 2) for word, weight in sorted(weights.items()) if abs(weight) >= SMALLEST}
    return Lexicon(round(bias, 3), kept)


@cache
def fitted() -> Lexicon:
    """The lexicon of all texts."""
    return fit(read_texts())


def leaning(lexicon: Lexicon, text: Text) -> float:
    """As `Lexicon.leaning` of a whole text."""
    return lexicon.leaning(sum([lexicon.words.get(word, 0.0) * count for word, count in text.words.items()]), text.count)


def main() -> None:
    """Leaves out each tenth of the families and prints how the others tell their texts apart."""
    texts = read_texts()
    families = sorted({text.family for text in texts})
    Random(1).shuffle(families)
    scored: list[tuple[float, bool]] = []
    for fold in range(10):
        out = set(families[fold::10])
        lexicon = fit([text for text in texts if text.family not in out])
        scored += [(leaning(lexicon, text), text.data) for text in texts if text.family in out]
    data = sorted(value for value, is_data in scored if is_data)
    other = sorted(value for value, is_data in scored if not is_data)
    better = sum(sum(1 for low in other if low < value) for value in data) / len(data) / len(other)
    bound = other[len(other) * 95 // 100]
    caught = sum(1 for value in data if value > bound) / len(data)
    print(f"{len(data)} texts that make data, {len(other)} others, {len(families)} kinds, each left out of ten fits in turn")
    print(f"in the right order: {better:.0%}; of those that make data {caught:.0%} lean further than 95 % of the others")
    print(f"words and pairs: {len(fitted().words)}")


if __name__ == "__main__":
    main()
