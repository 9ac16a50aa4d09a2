"""How long it takes from the record that decides to the first 429, by a real proxy.

    python -m benchmarks.reaction [KEYS] [--load N]

Each of so many keys (20 unless told otherwise), one after the other, harvests a model's last layer; the prompt at which its
standing falls to `limited` is known from the detector itself. Printed are seconds from the end of that call to the first answer
429, asked for every 50 ms, while `--load` clients (2) send ordinary calls as fast as they can.
"""

from __future__ import annotations

import argparse
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


def measure(keys: int, load: int) -> None:
    """Start, load, ask, print."""
    calls, stop, sent = deciding(), threading.Event(), [0] * load
    limits = {"limited": {"requests": "1/m"}}
    with tempfile.TemporaryDirectory() as folder, proxy_server(Path(folder), configuration={"limits": limits}) as server:

        def ordinary(worker: int) -> None:
            with httpx2.Client(timeout=30) as client:
                while not stop.is_set():
                    words = f"How is the weather on day {sent[worker] % 7} of the week?"
                    ask(client, server, f"sk-load-{worker}", {"model": "m", "messages": [{"role": "user", "content": words}]})
                    sent[worker] += 1

        workers = [threading.Thread(target=ordinary, args=(number,)) for number in range(load)]
        for worker in workers:
            worker.start()
        begun = time.perf_counter()
        with httpx2.Client(timeout=30) as client:
            found = [reaction(client, server, f"sk-thief-{number}", calls) for number in range(keys)]
        rate = sum(sent) / (time.perf_counter() - begun)
        stop.set()
        for worker in workers:
            worker.join()
    waits = sorted(found)
    print(
        f"{keys} keys, limited by prompt {calls}, under {rate:.0f} other calls/s: median {waits[len(waits) // 2]:.2f} s, "
        f"largest {waits[-1]:.2f} s (the first key's: {found[0]:.2f}) from the record that decides to the first 429"
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keys", type=int, nargs="?", default=20)
    parser.add_argument("--load", type=int, default=2)
    options = parser.parse_args()
    measure(options.keys, options.load)


if __name__ == "__main__":
    main()
