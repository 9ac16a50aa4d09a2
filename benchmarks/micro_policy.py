"""What judging a query costs: the terms' verdict and the decision of 200 rules, 20 of them with expressions.

    python -m benchmarks.micro_policy [--rounds N]

The terms are those that are shipped. Of the rules 180 are matched by upstream, endpoint, model and purpose alone; of the 20 with
expressions a query reaches none or three. Printed are µs of CPU per query (the call made, terms, policy, limit), the best of the
rounds: queries differ in model, principal and purpose, so that what is remembered is found among others. `plain` are expressions
that become functions, `of the clock` those that ask what time it is somewhere, `CEL` those that only the evaluator understands,
`all different` those whose values hardly come twice: `sums, patterns, moments` became functions, `RE2` is a pattern that Python's
engine does not stand in for. `in part`: what the evaluator is asked for comes again, the rest never.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from proxy.core.call import Call
from proxy.core.exchange import Caller, Exchange
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.core.rules import Bundle, Rate, Rule
from proxy.gateway.allowances import Allowances
from proxy.gateway.judges import Judges
from proxy.limits.memory import MemoryLimiter
from proxy.policy.conditions import condition
from proxy.policy.engine import Engine
from proxy.terms import catalog, compiling
from proxy.terms.verdict import TermsJudge

PLAIN = ("logprobs && logit_bias > 0", 'n > 8 || (stream && "x" in attributes)', 'terms.verdict == "forbid" && declared')
CEL = (
    'terms.clauses.exists(c, c.startsWith("google.")) && n > 1',
    "size(terms.obligations.filter(o, o.contains('label'))) > 3",
    'model.matches("^gpt-.*-(alpha|beta)$")',
)
DIFFERENT = ("prompt_chars + 0 > 1000000", "prompt_chars * 2 < 0", "prompt_chars % 7 == 8")
EVALUATED = (
    "models.exists(m, size(m) == prompt_chars)",
    "flags.all(f, f != string(prompt_chars))",
    "(stream ? n : prompt_chars) < 0",
)
MIXED = (
    "models.exists(m, m == 'a') || prompt_chars % 7 == 8",
    "flags.all(f, f != 'media') && prompt_chars > 1000000",
    'model.matches("^gpt-.*(alpha|beta)$") || prompt_chars < 0',
)
RE2 = ('string(prompt_chars).matches("^9+.*[a-z]$")', *EVALUATED[1:])
DEAREST = (
    'string(prompt_chars).matches("^9+[a-z]$")',
    'time.at.getHours("Europe/Berlin") + prompt_chars < 0',
    'string(time.at).startsWith("1970") && prompt_chars % 7 == 8',
)
CLOCK = (
    'time.at.getHours("Europe/Berlin") > 24',
    'time.at.getDayOfWeek("America/New_York") == 7 && n > 1',
    'time.at < timestamp("2020-01-01T00:00:00Z")',
)
PURPOSES = ("use.product", "use.internal", "train.general", "eval.private")
MODELS = tuple(f"gpt-{number}" for number in range(40))
PRINCIPALS = tuple(Principal(f"team-{number}", PURPOSES, attributes={"distributed": "false"}) for number in range(50))
QUERIES = 2000


def rules(reached: Sequence[str]) -> list[Rule]:
    """200 rules; the expressions `reached` are those of rules that every query reaches."""
    made = [
        Rule(
            f"pack/rule-{number}",
            ("flag", "deny", "throttle")[number % 3],
            match={
                "upstream": (f"upstream-{number % 30}", f"vendor-{number}*"),
                "endpoint": ("chat", "responses", "messages"),
                "model": (f"claude-{number}*", "llama-?b"),
            }
            if number % 2
            else {
                "purpose": (f"train.other-{number}",),
                "terms.verdict": ("forbid", "review"),
                "credential.plan": ("coding_plan",),
            },
            requests=Rate(30, 60.0) if number % 3 == 2 else None,
        )
        for number in range(180)
    ]
    made += [
        Rule(f"pack/when-{number}", "flag", match={"upstream": (f"far-{number}",)}, when=PLAIN[number % 3]) for number in range(17)
    ]
    return made + [
        Rule(f"pack/near-{number}", "flag", match={"upstream": ("openai",)}, when=when) for number, when in enumerate(reached)
    ]


def queries() -> list[Exchange]:
    """Exchanges that have come to their judges."""
    made = []
    for number in range(QUERIES):
        exchange = Exchange(f"rec_{number}", 1_795_000_000_000_000 + number, number, None)
        exchange.facts = RequestFacts(model=MODELS[number * 7 % 40], messages=2, prompt_chars=number, max_tokens=100)
        principal = PRINCIPALS[number * 11 % 50]
        exchange.caller = Caller(principal, Credential("bearer", "f" * 64, "api_key"), PURPOSES[number % 4])
        made.append(exchange)
    return made


def judge(judges: Judges, exchange: Exchange) -> None:
    """As the corridor does."""
    caller = exchange.caller
    exchange.call = Call(
        exchange.at,
        "openai",
        "api.openai.com",
        "openai",
        "chat",
        "POST",
        exchange.facts,
        caller.principal,
        caller.credential,
        caller.purpose,
        size=1000,
    )
    exchange.verdict = judges.terms(exchange)
    exchange.decision = judges.policy(exchange)
    exchange.grant = judges.limit(exchange)


def measure(terms: TermsJudge, reached: Sequence[str], rounds: int) -> float:
    """µs per query."""
    loaded = rules(reached)
    judges = Judges(
        terms, Engine(loaded, Bundle(), condition), MemoryLimiter(), Allowances({rule.name: rule for rule in loaded}), Bundle()
    )
    asked = queries()
    best = 1e9
    for _ in range(rounds):
        begun = time.process_time()
        for exchange in asked:
            judge(judges, exchange)
        best = min(best, time.process_time() - begun)
    return best / len(asked) * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    shipped = catalog.read(Path(__file__).parents[1] / "policies" / "terms")
    terms = TermsJudge(compiling.rows(shipped), compiling.models(shipped))
    print(f"none reached             {measure(terms, (), rounds):6.2f} µs")
    print(f"3 reached, plain         {measure(terms, PLAIN, rounds):6.2f} µs")
    print(f"3 reached, 1 of them CEL {measure(terms, (*PLAIN[:2], CEL[0]), rounds):6.2f} µs")
    print(f"3 reached, CEL           {measure(terms, CEL, rounds):6.2f} µs")
    print(f"3 reached, of the clock  {measure(terms, CLOCK, rounds):6.2f} µs")
    print(f"3 reached, sums, all different {measure(terms, DIFFERENT, rounds):6.2f} µs")
    print(f"3 reached, sums, patterns, moments, all different {measure(terms, DEAREST, rounds):6.2f} µs")
    print(f"3 reached, CEL, all different {measure(terms, EVALUATED, rounds):6.2f} µs")
    print(f"3 reached, CEL in part, all different {measure(terms, MIXED, rounds):6.2f} µs")
    print(f"3 reached, CEL, one of them RE2, all different {measure(terms, RE2, rounds):6.2f} µs")


if __name__ == "__main__":
    main()
