"""The evaluation of the detector on a folder of labelled recordings, with every tool scored by weights that never saw it.

    python -m benchmarks.detection --corpus FOLDER… [--days N] [--accounts N] [--programs N]
        [--only PART,…]

Parts: `pure`, `evaded`, `benign`, `written`, `diluted`, `linked`, `baselines`, `cost`. User agents are removed. Simulated
client-days are stretches of the recorded runs; where accounts need data of their own, words of what is not fixed text are shuffled.
Shares come with 95 % Clopper-Pearson intervals in brackets.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.detection import baselines, evasion, experiments, training
from benchmarks.detection import written as writings
from benchmarks.detection.corpus import Run, load
from benchmarks.detection.experiments import Outcome
from benchmarks.detection.statistics import quantile, shown, upper
from proxy.detection.records import Observation
from proxy.detection.weights import Weights

PARTS = ("pure", "evaded", "benign", "written", "diluted", "linked", "baselines", "cost")
SHARES = (0.5, 0.25, 0.1, 0.05)
HOSTS = 4
BACKGROUND = 300


class Held:
    """Weights for each run, from all tools but its own."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs
        self._cache: dict[str, list[list[float]]] = {}
        self._without: dict[str, Weights] = {}

    def __call__(self, run: Run) -> Weights:
        """The weights that never saw this run's tool."""
        if run.tool not in self._without:
            self._without[run.tool] = training.train(self._runs, without=run.tool, cache=self._cache)
        return self._without[run.tool]


def pure(runs: list[Run], of: Callable[[Run], Weights]) -> None:
    """Pipelines as recorded, and the slow drip."""
    guilty = [run for run in runs if run.label in {"extraction", "mixed"}]
    print("\n## Pipelines, pure (one row a run; prompts until the finding)\n")
    print("| run | what | tool | prompts | extraction at | question at |\n|---|---|---|---|---|---|")
    found = experiments.whole_runs(guilty, of)
    for run, each in zip(guilty, found, strict=True):
        print(f"| {run.name} | {run.kind[:60]} | {run.tool} | {each.prompts} | {each.at or '-'} | {each.asked or '-'} |")
    found = [each for run, each in zip(guilty, found, strict=True) if run.label == "extraction"]
    flagged = [float(each.at) for each in found if each.at]
    either = sum(1 for each in found if each.at or each.asked)
    print(
        f"\nwithout the mixed run: extraction {shown(len(flagged), len(found))}; extraction or question {shown(either, len(found))}"
    )
    until = [float(each.at or each.asked or 1 << 30) for each in found]
    print(f"prompts until either: median {quantile(until, 0.5):.0f}, p90 {quantile(until, 0.9):.0f}")


def evaded(runs: list[Run], of: Callable[[Run], Weights]) -> None:
    """Pipelines whose operator knows the detector."""
    guilty = [run for run in runs if run.label == "extraction"]
    print("\n## Evasion: pipelines changed as their operator could\n")
    print("| change | extraction | extraction or question |\n|---|---|---|")
    for name, way in evasion.WAYS.items():
        found = []
        for run in guilty:
            detector = experiments.replay(of(run), way(run.prompts))
            every = [experiments.outcome(run.name, run.kind, client) for client in detector.clients.values()]
            found.append(sorted(every, key=lambda one: (not one.at, not one.asked))[len(every) // 2])
        hits = sum(1 for each in found if each.at)
        either = sum(1 for each in found if each.at or each.asked)
        print(f"| {name} | {shown(hits, len(found))} | {shown(either, len(found))} |")


def benign(runs: list[Run], of: Callable[[Run], Weights], days: int) -> None:
    """Benign runs whole and in simulated client-days, the worst class first; then the same, declared."""
    innocent = [run for run in runs if run.label == "benign"]
    print(f"\n## Benign traffic (whole runs, and {days} simulated client-days of each)\n")
    print("| class | tool | run: extraction / question | days: extraction | ≤ (95 %) | limited | question | ≤ (95 %) |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for run in innocent:
        whole = experiments.whole_runs([run], of)[0]
        simulated = experiments.client_days([run], of, days)
        rows.append((run, whole, simulated))
    rows.sort(key=lambda row: (-_flagged(row[2]), -_asked(row[2])))
    for run, whole, simulated in rows:
        bad, asked, limited = _flagged(simulated), _asked(simulated), sum(each.limited for each in simulated)
        print(
            f"| {run.kind[:48]} | {run.tool} | {whole.at or '-'} / {whole.asked or '-'} | {bad}/{days} | {upper(bad, days):.1%} | "
            f"{limited} | "
            f"{asked}/{days} | {upper(asked, days):.1%} |"
        )
    every = [each for _, _, simulated in rows for each in simulated]
    evals = [each for run, _, simulated in rows for each in simulated if run.evaluates]
    rest = [each for run, _, simulated in rows for each in simulated if not run.evaluates]
    print(f"\nall client-days: extraction {shown(_flagged(every), len(every))}, limited {sum(each.limited for each in every)}")
    print(f"questions: evaluations {shown(_asked(evals), len(evals))}; elsewhere {shown(_asked(rest), len(rest))}")
    judged = [run for run in innocent if run.evaluates]
    declared = experiments.client_days(judged, of, days, "eval.private")
    print(
        f"declared evaluations: extraction {shown(_flagged(declared), len(declared))}, question {_asked(declared)}/{len(declared)}"
    )
    trained = experiments.whole_runs([run for run in runs if run.label == "extraction"], of, "train.self_distill")
    print(
        f"declared training: extraction {shown(_flagged(trained), len(trained))}, question {shown(_asked(trained), len(trained))}"
    )


def _flagged(outcomes: list[Outcome]) -> int:
    return sum(1 for each in outcomes if each.at)


def _asked(outcomes: list[Outcome]) -> int:
    return sum(1 for each in outcomes if each.asked and not each.at)


def written(runs: list[Run], of: Callable[[Run], Weights], programs: int) -> None:
    """Programs that were only written down, by lexicons that no text of their kind is in."""
    found = writings.outcomes(of(runs[0]), writings.sentences(runs), programs)
    print("\n## Programs written down, with settings drawn by lot (single steps; half are written to be mistaken for the others)\n")
    print("| text | answers | extraction | limited | extraction or question |\n|---|---|---|---|---|")
    for name, data in (("makes data", True), ("anything else", False)):
        for length, least in (("any", 0), ("120 tokens and more", 120)):
            each = [one for one in found if one.data == data and one.tokens >= least]
            hits, slowed = sum(one.flagged for one in each), sum(one.limited for one in each)
            either = sum(one.flagged or one.asked for one in each)
            print(f"| {name} | {length} | {shown(hits, len(each))} | {shown(slowed, len(each))} | {shown(either, len(each))} |")


def mixed(runs: list[Run], of: Callable[[Run], Weights]) -> None:
    """Pipelines inside other traffic of the same key."""
    print("\n## Diluted: a pipeline inside benign traffic of one key, within 1,000 requests\n")
    print("| share | extraction | extraction or question | requests until extraction: median, p90 |\n|---|---|---|---|")
    hosts = _hosts(runs)
    for share in SHARES:
        found = []
        for run in _single(runs):
            for host in hosts:
                prompts, _ = experiments.diluted(run, host, share)
                detector = experiments.replay(of(run), prompts)
                found.append(experiments.outcome(run.name, run.kind, detector.client("c")))
        hits = [float(each.at) for each in found if each.at]
        either = sum(1 for each in found if each.at or each.asked)
        print(
            f"| {share:.0%} | {shown(len(hits), len(found))} | {shown(either, len(found))} | "
            f"{quantile(hits, 0.5):.0f}, {quantile(hits, 0.9):.0f} |"
        )
    print(f"\nhosts: {', '.join(host.kind[:40] for host in hosts)}")


def _single(runs: list[Run]) -> list[Run]:
    return [run for run in runs if run.label == "extraction" and len(run.requests) > 100]


def _hosts(runs: list[Run]) -> list[Run]:
    """Products that a pipeline may hide in: the benign runs that are no evaluation and no load test, with text answers."""
    chosen = [
        run for run in runs if run.label == "benign" and not run.evaluates and "load" not in run.kind and "embed" not in run.kind
    ]
    return chosen[:HOSTS]


def linked(runs: list[Run], of: Callable[[Run], Weights], accounts: int) -> None:
    """Work lists dealt out to accounts of 26 prompts a day, and what benign accounts alone bring."""
    innocent = [run for run in runs if run.label == "benign" and any(prompt.teaches for prompt in run.prompts)]
    print(f"\n## Linked accounts at 26 prompts a day (among {min(BACKGROUND, accounts)} benign accounts)\n")
    print("| run | accounts | days until found | members caught | benign accounts flagged |\n|---|---|---|---|---|")
    background = experiments.benign_accounts(innocent, min(BACKGROUND, accounts), Random(5))
    for run in [run for run in runs if run.label == "extraction"]:
        for count in (1, 10, 100):
            each = experiments.linked(run, of(run), count, background)
            days = f"{each.days:.2f}" if each.days else "never"
            print(f"| {run.name} {run.kind[:40]} | {count} | {days} | {each.caught:.0%} | {each.innocent}/{each.others} |")
    groups, members, alone = experiments.false_groups(innocent, training.train(runs, cache={}), accounts)
    print(
        f"\n{accounts:,} benign accounts of 26 prompts: {groups} false groups of {members} members, {alone} flagged for themselves"
    )


def compared(runs: list[Run], of: Callable[[Run], Weights], days: int) -> None:
    """Every method at the same false alarms: at most 1 % of simulated benign client-days, and at most 1 % in the worst class."""
    innocent = [run for run in runs if run.label == "benign" and any(prompt.teaches for prompt in run.prompts)]
    reference = baselines.mean_words([prompt for run in innocent for prompt in run.prompts[::20]])
    methods = {
        "request count": baselines.requests,
        "phrase list": baselines.phrases,
        "PRADA": baselines.prada,
        "MMD (hashed words)": baselines.mmd(reference),
        "weighted sum": baselines.weighted_sum,
    }
    sampled = {run.name: experiments.windows(run, days, Random(run.name)) for run in innocent}
    mixes = {
        share: [experiments.diluted(run, host, share)[0] for run in _single(runs) for host in _hosts(runs)] for share in (0.25, 0.1)
    }
    unmixed = [experiments.diluted(_single(runs)[0], host, 0.0)[0] for host in _hosts(runs)]
    guilty = [renamed[:300] for run in runs if run.label == "extraction" for renamed in [run.prompts]]
    print("\n## Baselines at the same false alarms (threshold where the worst benign class has at most 1 % of client-days)\n")
    print("| method | pure (300 prompts) | at 25 % | at 10 % |\n|---|---|---|---|")
    for name, score in methods.items():
        bound = max(sorted(score(day) for day in each)[-1 - len(each) // 100] for each in sampled.values())
        cells = [shown(sum(score(each) > bound for each in guilty), len(guilty))]
        # The mixes are longer than a client-day: those without any pipeline in them may not be flagged either.
        bound = max(bound, *(score(each) for each in unmixed))
        cells += [shown(sum(score(each) > bound for each in mixes[share]), len(mixes[share])) for share in mixes]
        print(f"| {name} | {' | '.join(cells)} |")
    cells = [_ours([(run, run.prompts[:300]) for run in runs if run.label == "extraction"], of)]
    for share in mixes:
        cells.append(_ours([(run, experiments.diluted(run, host, share)[0]) for run in _single(runs) for host in _hosts(runs)], of))
    print(f"| this detector | {' | '.join(cells)} |")


def _ours(given: list[tuple[Run, list[Observation]]], of: Callable[[Run], Weights]) -> str:
    hits = 0
    for run, prompts in given:
        detector = experiments.replay(of(run), prompts)
        hits += any(client.flagged is not None for client in detector.clients.values())
    return shown(hits, len(given))


def cost(runs: list[Run], of: Callable[[Run], Weights]) -> None:
    """CPU and memory."""
    each = experiments.cost(runs, of(runs[0]))
    print(f"\n## Cost\n\nµs of CPU a prompt: p50 {each.p50:.0f}, p99 {each.p99:.0f}, mean {each.mean:.0f}")
    print(f"bytes of an active client: median {each.bytes_p50:,}, most {each.bytes_most:,}")


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, nargs="+")
    parser.add_argument("--days", type=int, default=60, help="simulated client-days of each benign run")
    parser.add_argument("--accounts", type=int, default=10_000, help="benign accounts among which false groups are counted")
    parser.add_argument("--programs", type=int, default=2000, help="programs written down, at most")
    parser.add_argument("--only", default=",".join(PARTS))
    given = parser.parse_args()
    runs = load(*given.corpus)
    of = Held(runs)
    wanted = given.only.split(",")
    if "pure" in wanted:
        pure(runs, of)
    if "evaded" in wanted:
        evaded(runs, of)
    if "benign" in wanted:
        benign(runs, of, given.days)
    if "written" in wanted:
        written(runs, of, given.programs)
    if "diluted" in wanted:
        mixed(runs, of)
    if "linked" in wanted:
        linked(runs, of, given.accounts)
    if "baselines" in wanted:
        compared(runs, of, given.days)
    if "cost" in wanted:
        cost(runs, of)


if __name__ == "__main__":
    main()
