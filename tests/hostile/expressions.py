"""The dearest expressions that the estimate of cost lets through, and what they take.

    python -m tests.hostile.expressions [--without-estimate]

Every test that CEL has is put into every form that repeats it, as often as the estimate allows; each is evaluated over calls with
lists and texts at their longest. Printed are the slowest, in µs of CPU for one evaluation (the best of four, over the worst of the
calls); exit code 1 when one of them takes a millisecond. Without the estimate they do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress

from proxy.core.call import Call
from proxy.core.decision import Verdict
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.policy import bounds
from proxy.policy.expressions import EvaluationError, Expression, ExpressionError
from proxy.policy.lexing import tokens

BOUND_US = 1000.0
REFERENCE = "models.all(a, flags.all(b, a != b || size(a) > 0))"
REFERENCE_US = 285.0
"""What it takes where the figures in the documents come from; elsewhere the bound is so many times of it."""
MOST = 64

FORMS = (
    "models.all(a, models.all(b, {}))",
    "models.filter(a, flags.exists(b, !({}))).size() >= 0",
    "models.map(a, [model].all(b, {})).size() >= 0",
    "models.all(a, [model].all(b, {}))",
    "attributes.all(a, attributes.all(b, {}))",
    "[model].exists_one(a, [model].exists_one(b, {}))",
    "[attributes, attributes, attributes, attributes, attributes, attributes].all(a, [attributes, attributes].all(b, {}))",
    "[models, models, models, models, models, models].all(a, [models, models, models, models, models, models].all(b, {}))",
    "[[model, model, model, model], [model, model, model, model], [model]].all(a, [[model, model, model, model]].all(b, {}))",
    "[models][0].all(a, [models][0].all(b, {}))",
    '{{"k": models}}["k"].all(a, {{"k": models}}.k.all(b, {}))',
    "[models + flags][0].all(a, [a].all(b, {}))",
    "[[[model].map(a, a + a)[0]].map(a, a + a)[0]].all(a, [a].all(b, {}))",
)
TESTS = (
    "a == b || a != b",
    "a in [b, a]",
    "[a, a, a, a] == [a, a, a, a]",
    '{"k": a, "l": b} == {"k": a, "l": b}',
    "a in models || true",
    "models == models",
    "attributes == attributes",
    "a in attributes || true",
    "size(a) >= 0",
    'string(size(a)) != ""',
    'a + "x" != b + "y"',
    "a.contains(b) || true",
    "a.contains(b + 'x') || true",
    "a.endsWith(b) || true",
    'a.matches("x") || true',
    'a.matches("^(a|b)*c$") || true',
    'bytes(a) != b"x"',
    "double(size(a)) >= 0.0",
    "string(time.at) != a",
    "time.at - time.at < duration('1h')",
    "timestamp('2026-01-01T00:00:00Z') < time.at",
    "time.at.getHours('Europe/Berlin') >= 0",
    "time.at.getDayOfYear('America/New_York') >= 0",
    "duration('1h') > duration('1m')",
    "type(a) == type(b) || true",
    "(n > 0 ? a : b) == a",
    "size(attributes) >= 0",
    "models + models != flags + flags",
    "[attributes, attributes] == [attributes, attributes]",
    "dyn(a) == dyn(b) || true",
)


def calls() -> list[Call]:
    """With all lists and texts at their longest: texts that differ at their end, of one letter, of wide letters; and short ones."""
    made = []
    for write in (
        lambda number: "a" * 254 + f"{number:02}",
        lambda number: "a" * (200 + number),
        lambda number: chr(0x1F600 + number) * 256,
        lambda number: f"{number}",
    ):
        words = [write(number) for number in range(bounds.LIST_CAP)]
        facts = RequestFacts(model=words[0], models=words, flags=words)
        who = Principal("p", ("use.internal",), attributes=dict.fromkeys(words, words[0]))
        call = Call(
            1_795_000_000_123_456, "openai", "h", "openai", "chat", "POST", facts, who, Credential("bearer", ""), "use.internal"
        )
        call.verdict = Verdict("allow", tuple(words), obligations=tuple(words))
        made.append(call)
    return made


def allowed(source: str) -> bool:
    """Whether the estimate lets it through."""
    return not bounds.faults(source, tokens(source))


def dearest() -> Iterator[str]:
    """Each test in each form, as often as it may stand there."""
    for form in FORMS:
        for test in TESTS:
            times, source = 1, ""
            while times <= MOST and allowed(longer := form.format(" && ".join([f"({test})"] * times))):
                source, times = longer, times + 1 if times < 4 else times * 2
            joined = source
            while source and len(joined) < bounds.LENGTH_CAP // 2 and allowed(longer := f"{joined} && {source}"):
                joined = longer
            if joined:
                yield joined


def cost(source: str, over: list[Call], rounds: int = 4) -> float:
    """µs of CPU for one evaluation, over the worst call; 0 for what does not compile."""
    try:
        expression = Expression(source)
    except ExpressionError:
        return 0.0
    worst = 0.0
    for call in over:
        taken = []
        for _ in range(rounds):
            begun = time.thread_time_ns()
            with suppress(EvaluationError):
                expression(call)
            taken.append(time.thread_time_ns() - begun)
        worst = max(worst, min(taken) / 1000)
    return worst


def slowest() -> list[tuple[float, str]]:
    """All of them, the slowest first: those that look slow at once are evaluated again."""
    over = calls()
    found = [(cost(source, over, 1), source) for source in dearest()]
    found.sort(reverse=True)
    again = [(cost(source, over), source) for _, source in found[:30]]
    return sorted(again, reverse=True) + found[30:]


def main() -> int:
    """Measure and print."""
    if "--without-estimate" in sys.argv:
        bounds._BUDGET = 1e9  # the planted fault
    found = slowest()
    for taken, source in found[:12]:
        sys.stdout.write(f"{taken:8.0f} µs  {source if len(source) < 160 else source[:157] + '…'}\n")
    sys.stdout.write(f"{len(found)} expressions; the reference takes {cost(REFERENCE, calls()):.0f} µs\n")
    return int(found[0][0] >= BOUND_US)


if __name__ == "__main__":
    sys.exit(main())
