"""What a verdict of the terms costs: remembered, and made anew.

    python -m benchmarks.micro_terms [--rounds N]

The terms are those that are shipped. Printed are µs per verdict, the best of the rounds: `remembered` among calls that differ in
model, purpose and attributes; `made` for a model that was never named before; `built`: a judge from its rows, in ms.
"""

from __future__ import annotations

import argparse
import time

from proxy.core.call import Call
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.terms import compiling, releases
from proxy.terms.catalog import read
from proxy.terms.verdict import TermsJudge

AT = 1_790_000_000_000_000
PURPOSES = ("use.product", "use.internal", "train.general", "train.classifier_internal")
QUERIES = 2000


def calls(fresh: bool) -> list[Call]:
    """Calls that differ; with `fresh` each names a model of its own."""
    principals = [Principal(f"team-{number}", PURPOSES, attributes={"distributed": "false"}) for number in range(50)]
    credential = Credential("bearer", "0" * 64, "api_key")
    return [
        Call(
            AT + number,
            "openrouter",
            "openrouter.ai",
            "openai",
            "chat",
            "POST",
            RequestFacts(model=f"meta-llama/llama-3.{number if fresh else number % 40}"),
            principals[number % 50],
            credential,
            PURPOSES[number % 4],
            contract="openrouter.api",
        )
        for number in range(QUERIES)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    catalogue = read(releases.terms_folder())
    rows, models = compiling.rows(catalogue), compiling.models(catalogue)
    best = {"remembered": 1e9, "made": 1e9, "built": 1e9}
    for _ in range(rounds):
        begun = time.perf_counter()
        judge = TermsJudge(rows, models)
        best["built"] = min(best["built"], (time.perf_counter() - begun) * 1e3)
        for kind, asked in (("made", calls(fresh=True)), ("warm", calls(fresh=False)), ("remembered", calls(fresh=False))):
            begun = time.perf_counter()
            for call in asked:
                judge.judge(call)
            if kind in best:
                best[kind] = min(best[kind], (time.perf_counter() - begun) / QUERIES * 1e6)
    print(f"remembered {best['remembered']:.2f} us, made {best['made']:.1f} us, built {best['built']:.1f} ms; {len(rows)} rows")


if __name__ == "__main__":
    main()
