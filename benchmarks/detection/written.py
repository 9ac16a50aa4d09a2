"""Programs that were only written down: each text of the lexicon's, its slots filled and its settings drawn by lot.

They are single steps with the settings of anybody, half of them written to be mistaken for the other half: harder than what is
met, and many. So they show by the hundred what recordings show by the dozen. Each is scored by a lexicon that knows no text of its
kind.
"""

from __future__ import annotations

import json
import re
from random import Random

import msgspec

from benchmarks.detection import lexicon
from benchmarks.detection.corpus import Run
from proxy.core.facts import Message, RequestFacts
from proxy.detection.detector import Client, Detector
from proxy.detection.records import Observation, Wishes, observe
from proxy.detection.weights import Weights

PROMPTS = 120
FOLDS = 5
_SLOT = re.compile(r"\{[A-Za-z_][^{}\n]{0,40}\}")
_TEMPERATURES = (None, None, None, 0.0, 0.0, 0.2, 0.7, 0.7, 1.0)
_LIMITS = (None, None, None, 512, 1024, 2048, 4096)
_ANSWERS = (12, 40, 120, 200, 300, 500)
"""Tokens of an answer in the mean."""


class Written(msgspec.Struct):
    """What came of one program: whether its text makes `data`, `tokens` of its answers in the mean."""

    data: bool
    tokens: int
    flagged: bool
    limited: bool
    asked: bool


def sentences(runs: list[Run]) -> list[str]:
    """What slots are filled with: sentences of the recorded prompts and answers."""
    found = {
        line.strip()
        for run in runs
        for prompt in run.prompts[:400]
        for line in re.split(r"(?<=[.!?])\s+|\n+", f"{prompt.prompt}\n{prompt.answer}")
        if 30 <= len(line.strip()) <= 260
    }
    return sorted(found)


def program(text: str, bank: list[str]) -> tuple[list[Observation], int]:
    """The prompts of a text, and the tokens of its answers in the mean. The same text gives the same program."""
    lot = Random(text)
    temperature, limit, tokens, fills = lot.choice(_TEMPERATURES), lot.choice(_LIMITS), lot.choice(_ANSWERS), lot.choice((1, 2, 4))
    head, _, tail = text.partition("\n\n")
    system, user = (head, tail) if _SLOT.search(tail) and not _SLOT.search(head) else ("", text)
    if not _SLOT.search(user):
        system, user = text, "{input}"
    made = []
    for number in range(PROMPTS):
        prompt = _SLOT.sub(lambda _: " ".join(lot.choice(bank) for _ in range(fills)), user)
        messages = [*([Message("system", system)] if system else []), Message("user", prompt)]
        facts = RequestFacts(
            model="m", temperature=temperature, max_tokens=limit, prompt_chars=len(prompt), system_chars=len(system)
        )
        seen = observe("c", 3.0 * number, "chat", facts, messages, Wishes())
        seen.output_tokens = max(2, int(lot.gauss(tokens, tokens / 3)))
        seen.input_tokens = (len(prompt) + len(system)) // 4 + 5
        seen.answer = " ".join(lot.choice(bank) for _ in range(max(1, seen.output_tokens // 20)))
        seen.answer_chars = 4 * seen.output_tokens
        made.append(seen)
    return made, tokens


def outcomes(weights: Weights, bank: list[str], programs: int) -> list[Written]:
    """Of so many programs, evenly of all; each by a lexicon fitted without its fifth of the kinds."""
    rows = [json.loads(line) for file in sorted(lexicon.FOLDER.glob("*.jsonl")) for line in file.read_text().splitlines()]
    rows = rows[:: max(1, len(rows) // programs)]
    texts = lexicon.read_texts()
    families = sorted({row["family"] for row in rows})
    Random(1).shuffle(families)
    found = []
    for fold in range(FOLDS):
        out = set(families[fold::FOLDS])
        held = msgspec.structs.replace(weights, lexicon=lexicon.fit([text for text in texts if text.family not in out]))
        found += [_scored(held, row, bank) for row in rows if row["family"] in out]
    return found


def _scored(weights: Weights, row: dict[str, str], bank: list[str]) -> Written:
    prompts, tokens = program(row["text"], bank)
    detector = Detector(weights)
    for prompt in prompts:
        detector.observe(prompt)
    client: Client = detector.client("c")
    return Written(row["label"] == "data", tokens, client.flagged is not None, client.limited, client.doubted is not None)
