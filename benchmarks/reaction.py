"""How long it takes from the record that decides to the first 429, by a real proxy.

    python -m benchmarks.reaction [KEYS] [--together N] [--load N] [--seconds N] [--gate]

Each of so many keys (500 unless told otherwise), eight at a time, harvests a model's last layer; the prompt at which its standing
falls to `limited` is known from the detector itself. Printed are seconds from the end of that call to the first answer 429, asked
for every 50 ms, while `--load` clients (2) send ordinary calls as fast as they can. After `--seconds` (600) no other key begins.
`--gate` exits 1 where the 99th percentile is beyond 5 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx2

from proxy.control.observing import Asked
from proxy.control.watching import Watch, shipped_weights
from tests.proxy_server import ProxyServer, proxy_server

_WORDS = ("amber", "birch", "canal", "delta", "ember", "fjord", "grove", "harbor", "island", "kettle")
_MOST_SECONDS = 30.0
BOUND_SECONDS = 5.0


def harvest(number: int) -> dict[str, Any]:
    """Log-probabilities under a bias that is never the same."""
    bias = {str(number * 11 + place): 40 for place in range(4)}
    asked = {"logprobs": True, "top_logprobs": 5, "max_tokens": 1, "logit_bias": bias}
    return {"model": "gpt-5", "messages": [{"role": "user", "content": _WORDS[number % 10]}], **asked}


def deciding() -> int:
    """How many of these calls it takes until their client is to be limited."""
    watch = Watch(shipped_weights(), {})
    for number in range(500):
        watch.take(Asked("c", 1.0 + number, "POST", "/v1/chat/completions", harvest(number), answer="x" * 140, output_tokens=24))
        if watch.reports()[0]["standing"] == "limited":
            return number + 1
    raise SystemExit("these calls limit nobody")


def ask(client: httpx2.Client, server: ProxyServer, key: str, body: dict[str, Any]) -> int:
    """One call's status."""
    url = f"{server.gateway_url}/openai/v1/chat/completions"
    return client.post(url, headers={"authorization": f"Bearer {key}"}, json=body).status_code


def reaction(client: httpx2.Client, server: ProxyServer, key: str, calls: int) -> float:
    """Seconds until the first 429."""
    for number in range(calls):
        ask(client, server, key, harvest(number))
    begun, number = time.perf_counter(), calls
    while time.perf_counter() - begun < _MOST_SECONDS:
        number += 1
        if ask(client, server, key, harvest(number)) == 429:
            return time.perf_counter() - begun
        time.sleep(0.05)
    return _MOST_SECONDS


def measure(keys: int, together: int, load: int, seconds: float) -> list[float]:
    """Start, load, ask, print. Returns what each key waited, sorted."""
    calls, stop, sent = deciding(), threading.Event(), [0] * load
    limits = {"limited": {"requests": "1/m"}}
    waiting, found = iter(range(keys)), list[float]()
    with tempfile.TemporaryDirectory() as folder, proxy_server(Path(folder), configuration={"limits": limits}) as server:
        begun = time.perf_counter()

        def ordinary(worker: int) -> None:
            with httpx2.Client(timeout=60) as client:
                while not stop.is_set():
                    words = f"How is the weather on day {sent[worker] % 7} of the week?"
                    ask(client, server, f"sk-load-{worker}", {"model": "m", "messages": [{"role": "user", "content": words}]})
                    sent[worker] += 1

        def thief() -> None:
            with httpx2.Client(timeout=60) as client:
                for number in waiting:
                    found.append(reaction(client, server, f"sk-thief-{number}", calls))
                    if time.perf_counter() - begun > seconds:
                        return

        workers = [threading.Thread(target=ordinary, args=(number,)) for number in range(load)]
        thieves = [threading.Thread(target=thief) for _ in range(together)]
        for each in (*workers, *thieves):
            each.start()
        for each in thieves:
            each.join()
        took = time.perf_counter() - begun
        stop.set()
        for each in workers:
            each.join()
    first, waits, own = found[0], sorted(found), len(found) * calls / took
    print(
        f"{len(waits)} keys, {together} at a time, limited by prompt {calls}, {own:.0f} calls/s of theirs beside "
        f"{sum(sent) / took:.0f} others: from the record that decides to the first 429 median {at(waits, 0.5):.2f} s, p99 "
        f"{at(waits, 0.99):.2f} s, largest {waits[-1]:.2f} s (the first key's: {first:.2f})"
    )
    return waits


def at(ranked: list[float], share: float) -> float:
    """The nearest rank."""
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keys", type=int, nargs="?", default=500)
    parser.add_argument("--together", type=int, default=8)
    parser.add_argument("--load", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--gate", action="store_true")
    options = parser.parse_args()
    waits = measure(options.keys, options.together, options.load, options.seconds)
    if options.gate and at(waits, 0.99) > BOUND_SECONDS:
        sys.exit(1)


if __name__ == "__main__":
    main()
