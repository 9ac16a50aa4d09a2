"""What a pipeline that knows the detector can do: each way changes a run's prompts as its operator could, at little cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from zlib import crc32

import msgspec

from proxy.detection.records import Observation

Way = Callable[[Sequence[Observation]], list[Observation]]

VARIANTS = 20
_DROPPED = 0.15


def paraphrased(prompts: Sequence[Observation]) -> list[Observation]:
    """The wrapper in twenty wordings, taken in turn: a seventh of the words of each line is missing, others in each wording."""

    def worded(text: str, variant: int) -> str:
        lines = []
        for line in text.split("\n"):
            source = Random(crc32(line.encode("utf-8", "replace")) * VARIANTS + variant)
            lines.append(" ".join(word for word in line.split(" ") if source.random() > _DROPPED))
        return "\n".join(lines)

    made = []
    for number, prompt in enumerate(prompts):
        variant = number % VARIANTS
        system, text = worded(prompt.system, variant), worded(prompt.prompt, variant)
        made.append(msgspec.structs.replace(prompt, system=system, prompt=text))
    return made


def jittered(prompts: Sequence[Observation]) -> list[Observation]:
    """Gaps as people leave them: a minute in the mean, exponentially distributed."""
    source = Random(3)
    at = 0.0
    made = []
    for prompt in prompts:
        at += source.expovariate(1 / 60)
        made.append(msgspec.structs.replace(prompt, at=at))
    return made


def cold(prompts: Sequence[Observation]) -> list[Observation]:
    """Temperature 0 and a stop sequence, as evaluations ask."""
    return [
        msgspec.structs.replace(
            prompt,
            facts=msgspec.structs.replace(prompt.facts, temperature=0.0),
            wishes=msgspec.structs.replace(prompt.wishes, stops=True),
        )
        for prompt in prompts
    ]


def as_a_product(prompts: Sequence[Observation]) -> list[Observation]:
    """Streamed, for fifty end users made up."""
    return [
        msgspec.structs.replace(prompt, facts=msgspec.structs.replace(prompt.facts, stream=True, end_user=f"u{number % 50}"))
        for number, prompt in enumerate(prompts)
    ]


def all_of_it(prompts: Sequence[Observation]) -> list[Observation]:
    """Every way at once."""
    return as_a_product(cold(jittered(paraphrased(prompts))))


WAYS: dict[str, Way] = {
    "gaps as people leave them": jittered,
    "wrapper in twenty wordings": paraphrased,
    "temperature 0 and a stop sequence": cold,
    "streamed, for made-up end users": as_a_product,
    "all of these": all_of_it,
}
