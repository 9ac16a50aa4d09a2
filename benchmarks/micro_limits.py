"""µs CPU per exchange for its standing and its limits: nothing limited, one bucket, six buckets, six of them leased.

python -m benchmarks.micro_limits
TOS_PROXY_NATIVE=0 python -m benchmarks.micro_limits       # the sources, where compiled modules are installed
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from proxy.core.buckets import Bucket
from proxy.core.call import Call
from proxy.core.exchange import Caller, Exchange
from proxy.core.facts import RequestFacts, Usage
from proxy.core.principal import Credential, Principal
from proxy.core.rules import Bundle, Limit, Rate
from proxy.gateway.allowances import Allowances
from proxy.gateway.judges import Judges
from proxy.gateway.receive import Body
from proxy.limits.accounts import Answer, Given
from proxy.limits.leases import Leases
from proxy.limits.memory import MemoryLimiter

AMPLE = Rate(1_000_000_000, 3600.0)
ONE = {"principal": Limit({"requests": AMPLE})}
SIX = {
    "principal": Limit({"requests": AMPLE, "tokens": AMPLE, "output_tokens": AMPLE}, 100_000),
    "upstream/openai": Limit({"tokens": AMPLE}),
    "limited": Limit({"requests": AMPLE}),
}
PROMPTS = {**SIX, "principal": Limit({"requests": AMPLE, "tokens": AMPLE, "prompts": AMPLE}, 100_000)}
BODY = b'{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"%s"}]}' % (b"What is it? " * 80)
USAGE = Usage(20, 50)


def exchange() -> Exchange:
    """One short chat completion of a principal that findings have slowed down."""
    principal = Principal("research", standing="limited")
    asked = Exchange("rec_1", 1, 2, None)
    asked.caller = Caller(principal, Credential("bearer", "f" * 64), "undeclared")
    asked.body = Body(BODY, spooled=False)
    asked.facts = RequestFacts(model="m", prompt_chars=960, max_tokens=100)
    asked.call = Call(1, "openai", "h", "openai", "chat", "POST", asked.facts, principal, asked.caller.credential, "undeclared")
    return asked


def ample(leases: Leases, buckets: tuple[Bucket, ...]) -> None:
    """Have so much leased that nothing is asked for."""
    leases.linked = True
    leases.reserve([(bucket, 1) for bucket in buckets], time.monotonic())
    asks = leases.asks(0.0)
    now = time.monotonic()
    leases.answered(asks, Answer("e", int(time.time() * 1e6), [Given(10**8 if ask.span_us else 5000, 0) for ask in asks]), now, now)


def measure(judges: Judges, rounds: int, asked: Exchange) -> float:
    """µs per exchange: reserved, settled, ended."""
    best = 1e9
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(5000):
            grant = judges.limit(asked)
            judges.settle(grant, USAGE)
            judges.ended(grant)
        best = min(best, time.process_time() - begun)
    return best / 5000 * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    asked = exchange()

    def judged(limits: dict[str, Limit], leases: Callable[[tuple[Bucket, ...]], Leases] | None = None) -> float:
        allowances = Allowances({}, limits)
        buckets = allowances._of(asked.caller.principal, "openai", ())
        limiter = MemoryLimiter() if leases is None else leases(buckets)
        nobody = None
        return measure(Judges(nobody, nobody, limiter, allowances, Bundle()), rounds, asked)

    def leased(buckets: tuple[Bucket, ...]) -> Leases:
        leases = Leases(lambda: None)
        ample(leases, buckets)
        return leases

    print(f"nothing limited          {judged({}):6.2f} µs")
    print(f"1 bucket                 {judged(ONE):6.2f} µs")
    print(f"6 buckets                {judged(SIX):6.2f} µs")
    print(f"6 buckets, prompts       {judged(PROMPTS):6.2f} µs")
    print(f"6 buckets, leased        {judged(SIX, leased):6.2f} µs")


if __name__ == "__main__":
    main()
