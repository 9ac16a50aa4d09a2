"""A folder of labelled recordings (docs/detection.md), read through the dialects once, so that each experiment only replays."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from proxy.control.observing import observations
from proxy.control.recorded import OWN, from_fields, lines_of
from proxy.detection import pieces
from proxy.detection.records import Observation

_EVALUATES = ("evaluat", "rubric", "benchmark", "judge)")


class Request(msgspec.Struct):
    """One recorded request: its prompts, and whether the pipeline sent it (in mixed runs that differs within a run)."""

    prompts: list[Observation]
    guilty: bool


class Run(msgspec.Struct):
    """One recording: `label` is `extraction | benign | grey | mixed`, `kind` what it did, `tool` which program."""

    name: str
    label: str
    kind: str
    tool: str
    requests: list[Request]
    clients: int

    @property
    def evaluates(self) -> bool:
        """Whether it is an evaluation, that may be asked about."""
        return any(word in self.kind for word in _EVALUATES)

    @property
    def prompts(self) -> list[Observation]:
        """All prompts in order."""
        return [prompt for request in self.requests for prompt in request.prompts]


def load(*folders: Path, agents: bool = False) -> list[Run]:
    """All runs of the folders, each of which has one or more `index*.json`. Without `agents` nothing names the client's library."""
    return [
        _read(folder, entry, agents=agents)
        for folder in folders
        for index in sorted(folder.glob("index*.json"))
        for entry in json.loads(index.read_text())["runs"]
    ]


def _read(folder: Path, entry: dict[str, Any], *, agents: bool) -> Run:
    requests = []
    for line in lines_of(folder / entry["file"]):
        record = json.loads(line)
        if not agents:
            record["headers"] = {}
        asked = from_fields(record, OWN, float(entry["time_scale"]))
        requests.append(Request(list(observations(asked)), record["label"] == "extraction"))
    return Run(entry["run"], entry["label"], entry["technique"], entry["tool"], requests, entry["clients"])


def renamed(prompts: list[Observation], client: str, *, every: float = 0.0, start: float = 0.0) -> list[Observation]:
    """Copies that another client sends, `every` so many seconds if that is given."""
    copies = [msgspec.structs.replace(prompt, client=client) for prompt in prompts]
    if every:
        for number, copy in enumerate(copies):
            copy.at = start + number * every
    return copies


def carriers(run: Run) -> set[int]:
    """Pieces that a fifth of a run's prompts have: its fixed text."""
    counts: dict[int, int] = {}
    prompts = run.prompts
    for prompt in prompts:
        for mark in pieces.cut(prompt.prompt):
            counts[mark] = counts.get(mark, 0) + 1
    return {mark for mark, count in counts.items() if count >= max(3, len(prompts) // 5)}


def of_its_own(prompts: list[Observation], fixed: set[int], source: Random) -> list[Observation]:
    """The same prompts over other data: words of all that is not fixed text are shuffled, so that no two accounts ask the same."""
    made = []
    for prompt in prompts:
        lines = []
        for line in prompt.prompt.split("\n"):
            if fixed.isdisjoint(pieces.cut(line)):
                words = line.split(" ")
                source.shuffle(words)
                lines.append(" ".join(words))
            else:
                lines.append(line)
        made.append(msgspec.structs.replace(prompt, prompt="\n".join(lines), identity=source.getrandbits(64)))
    return made
