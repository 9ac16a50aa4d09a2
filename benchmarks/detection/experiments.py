"""The experiments: pipelines pure and diluted, benign client-days, linked accounts, cost. Each gives plain rows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from benchmarks.detection.corpus import Run, carriers, of_its_own, renamed
from proxy.detection.detector import Client, Detector
from proxy.detection.records import Observation
from proxy.detection.weights import Weights

DAY = 86400.0
A_DAY = 26
"""Prompts of an account a day, as in the largest campaign that was made public."""
DAYS = 3


class Outcome(msgspec.Struct):
    """What came of one client's traffic. `at`: number of the prompt of the finding, `asked`: of the question; 0 for none."""

    run: str
    kind: str
    prompts: int
    at: int
    asked: int
    limited: bool
    peak: float


def outcome(name: str, kind: str, client: Client) -> Outcome:
    """Of one client."""
    at = client.flagged.prompt if client.flagged is not None else 0
    asked = client.doubted.prompt if client.doubted is not None else 0
    return Outcome(name, kind, client.prompts, at, asked, client.limited, client.peak)


def replay(weights: Weights, prompts: Sequence[Observation], purposes: dict[str, str] | None = None) -> Detector:
    """A detector that saw it all."""
    detector = Detector(weights, purposes)
    for prompt in prompts:
        detector.observe(prompt)
    return detector


def whole_runs(runs: list[Run], of: Callable[[Run], Weights], purpose: str = "undeclared") -> list[Outcome]:
    """Each run as it was recorded; a run of several clients counts once, by the median client."""
    found = []
    for run in runs:
        detector = replay(of(run), run.prompts, {prompt.client: purpose for prompt in run.prompts})
        each = sorted(
            (outcome(run.name, run.kind, client) for client in detector.clients.values()), key=lambda one: one.at or 1 << 30
        )
        found.append(each[len(each) // 2])
    return found


def windows(run: Run, count: int, source: Random) -> list[list[Observation]]:
    """Simulated client-days of a run: stretches of 26 to 600 prompts, each from a place of its own."""
    prompts = run.prompts
    made = []
    for _ in range(count):
        length = min(len(prompts), int(A_DAY * (600 / A_DAY) ** source.random()))
        start = source.randrange(len(prompts) - length + 1)
        made.append(prompts[start : start + length])
    return made


def client_days(runs: list[Run], of: Callable[[Run], Weights], count: int, purpose: str = "undeclared") -> list[Outcome]:
    """Simulated client-days of each run."""
    found = []
    for run in runs:
        source = Random(run.name)
        for each in windows(run, count, source):
            detector = replay(of(run), renamed(each, "c"), {"c": purpose})
            found.append(outcome(run.name, run.kind, detector.client("c")))
    return found


def diluted(guilty: Run, host: Run, share: float, requests: int = 1000) -> tuple[list[Observation], list[bool]]:
    """Up to so many requests under one key, of which this share comes from the pipeline, evenly; and which prompts those are."""
    own = [request for request in guilty.requests if request.prompts and request.guilty]
    other = [request for request in host.requests if request.prompts]
    mixed: list[Observation] = []
    marks: list[bool] = []
    used = hosted = 0
    owed = 0.0
    for number in range(requests):
        owed += share
        if owed >= 1:
            owed -= 1
            if used >= len(own):
                break
            chosen = own[used].prompts
            used += 1
            marks += [True] * len(chosen)
        else:
            chosen = other[hosted % len(other)].prompts
            hosted += 1
            marks += [False] * len(chosen)
        mixed += [msgspec.structs.replace(prompt, client="c", at=float(number)) for prompt in chosen]
    return mixed, marks


class Linked(msgspec.Struct):
    """One campaign over many accounts. `days`: until it was found, 0 for never. `caught`: share of its members at the end."""

    run: str
    accounts: int
    days: float
    caught: float
    innocent: int
    others: int


def benign_accounts(runs: list[Run], count: int, source: Random) -> list[Observation]:
    """Accounts of 26 prompts in a day each. Evaluations draw from the same public items, load tests send the
    same few prompts; all others have data of their own.
    """
    fixed = {run.name: carriers(run) for run in runs}
    made: list[Observation] = []
    for number in range(count):
        run = runs[number % len(runs)]
        prompts = run.prompts
        if run.evaluates or "load" in run.kind:
            chosen = source.sample(prompts, min(A_DAY, len(prompts)))
        else:
            start = source.randrange(max(1, len(prompts) - A_DAY))
            chosen = of_its_own(prompts[start : start + A_DAY], fixed[run.name], source)
        made += renamed(chosen, f"benign-{number}", every=DAY / A_DAY, start=source.random() * DAY / A_DAY)
    return made


def work_list(guilty: Run, length: int) -> list[Observation]:
    """A run's prompts, and from then on the same with the words of their slots shuffled, until there are so many."""
    made = list(guilty.prompts)
    fixed, source = carriers(guilty), Random(7)
    while len(made) < length:
        made += of_its_own(guilty.prompts[: length - len(made)], fixed, source)
    return made


def linked(guilty: Run, weights: Weights, accounts: int, benign: list[Observation]) -> Linked:
    """A run's work list dealt out to many accounts of 26 prompts on each of three days, among the benign ones of one day."""
    dealt: list[Observation] = []
    for number, prompt in enumerate(work_list(guilty, accounts * A_DAY * DAYS)):
        turn, account = divmod(number, accounts)
        dealt.append(msgspec.structs.replace(prompt, client=f"linked-{account}", at=(turn + account / accounts) * DAY / A_DAY))
    detector = Detector(weights)
    days = 0.0
    for prompt in sorted([*dealt, *benign], key=lambda each: each.at):
        for finding in detector.observe(prompt):
            if not days and finding.kind == "extraction" and finding.client.startswith("linked-"):
                days = max(prompt.at / DAY, 1e-9)
    flagged = [name for name, client in detector.clients.items() if client.flagged is not None]
    mine = sum(1 for name in flagged if name.startswith("linked-"))
    others = sum(1 for name in detector.clients if name.startswith("benign-"))
    return Linked(guilty.name, accounts, days, mine / accounts, len(flagged) - mine, others)


def false_groups(runs: list[Run], weights: Weights, count: int) -> tuple[int, int, int]:
    """Among so many benign accounts: groups found, members in them, and accounts flagged for themselves."""
    benign = sorted(benign_accounts(runs, count, Random(11)), key=lambda each: each.at)
    detector = replay(weights, benign)
    members = {name: client.flagged.group for name, client in detector.clients.items() if client.flagged is not None}
    groups = {group for group in members.values() if group}
    return len(groups), sum(1 for group in members.values() if group), sum(1 for group in members.values() if not group)


class Cost(msgspec.Struct):
    """Microseconds of CPU a prompt: median, 99th percentile, mean; bytes of a client: median, most."""

    p50: float
    p99: float
    mean: float
    bytes_p50: int
    bytes_most: int


def cost(runs: list[Run], weights: Weights) -> Cost:
    """All runs once, one client after the other."""
    spent: list[float] = []
    sizes: list[int] = []
    for run in runs:
        detector = Detector(weights)
        for prompt in run.prompts:
            begun = time.process_time_ns()
            detector.observe(prompt)
            spent.append((time.process_time_ns() - begun) / 1000)
        sizes += [held(client.traffic) for client in detector.clients.values() if client.traffic is not None]
    spent.sort()
    sizes.sort()
    return Cost(spent[len(spent) // 2], spent[len(spent) * 99 // 100], sum(spent) / len(spent), sizes[len(sizes) // 2], sizes[-1])


def held(thing: object) -> int:
    """Bytes of an object and all that it holds."""
    seen: set[int] = set()
    waiting: list[object] = [thing]
    size = 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type):
            continue
        seen.add(id(each))
        size += sys.getsizeof(each)
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, (list, tuple, set)):
            waiting += list(each)
        names = (*getattr(each, "__slots__", ()), *getattr(each, "__struct_fields__", ()))
        waiting += [getattr(each, name, None) for name in names]
    return size
