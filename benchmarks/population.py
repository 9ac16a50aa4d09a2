"""What the analyst's memory of everybody weighs: 100,000 principals, of whom 5,000 are active and the others packed.

    python -m benchmarks.population [--clients 100000] [--active 5000] [--prompts 4] [--gate]

A process of its own shows the population that many principals, in cohorts whose prompts come in turn, each with a key, a network
and data of its own; the last ones with eight templates each, so that they hold all that an active client may. Printed is the
proportional set size (PSS, from /proc; Linux only) of the whole process before and after. `--gate` exits 1 beyond the bound.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time

from benchmarks.process import memory_mib
from proxy.control.population import ACTIVE, MOST, Population
from proxy.control.watching import shipped_weights
from proxy.detection.dormancy import limit
from tests.unit.detection.traffic import asked, filling

BOUND_MB = 250
COHORT = 1000
BUSY = 40
_MB = 2**20 / 1e6
_TEMPLATE = "This is what they wrote us on {} today. {}. {}. Answer as the handbook says, {}."


def send(population: Population, client: int, turn: int, templates: int) -> None:
    """One prompt of a client, with one of its templates."""
    name = f"key:{client * 2654435761 % (1 << 48):012x}"
    which = client * 8 + turn % templates
    own = client << 12 | turn
    prompt = _TEMPLATE.format(filling(which, 3), filling(own), filling(-own), filling(which + 7, 4))
    answer = ". ".join(filling(client << 16 | turn << 4 | part, 6) for part in range(4))
    system, user = "\n".join(filling(client * 32 + line, 5) for line in range(24)), str(turn)
    seen = asked(prompt, client, client=name, system=system, answer=answer, answer_chars=len(answer), end_user=user)
    seen.at = client // COHORT * 600 + turn + client % COHORT / COHORT
    seen.source = f"10.{client >> 16 & 255}.{client >> 8 & 255}.{client & 255}"
    seen.record = f"{client:08x}-{turn:08x}-0000-000000000000"
    population.request(name)
    population.show(seen)


def fill(population: Population, clients: int, active: int, prompts: int) -> None:
    """All clients, a cohort at a time, the active ones last."""
    for first in range(0, clients, COHORT):
        busy = first >= clients - active
        for turn in range(BUSY if busy else prompts):
            for client in range(first, min(clients, first + COHORT)):
                send(population, client, turn, 8 if busy else 2)


def main() -> None:
    """Fill, weigh, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=MOST)
    parser.add_argument("--active", type=int, default=ACTIVE)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--gate", action="store_true")
    given = parser.parse_args()
    population = Population(shipped_weights(), active=given.active, most=given.clients)
    gc.collect()
    before, begun = memory_mib(os.getpid()) * _MB, time.process_time()
    fill(population, given.clients, given.active, given.prompts)
    gc.collect()
    after = memory_mib(os.getpid()) * _MB
    held = list(population.detector.clients.values())
    awake = sum(1 for client in held if client.traffic is not None)
    packed = [len(client.dormant) for client in held if client.dormant]
    print(f"{len(held):,} clients, {awake:,} of them active, in {time.process_time() - begun:.0f} s of CPU")
    print(f"packed: {sum(packed) / max(1, len(packed)):.0f} bytes in the mean, {max(packed, default=0)} most, {limit()} at most")
    print(f"PSS of the process: {before:.1f} MB before, {after:.1f} MB after: {after - before:.1f} MB, bound {BOUND_MB} for all")
    if given.gate and after > BOUND_MB:
        sys.exit(1)


if __name__ == "__main__":
    main()
