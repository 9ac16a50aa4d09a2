"""Everyone who is watched, in bounded memory: who is quiet is packed and goes on where it was; the longest quiet are forgotten."""

from __future__ import annotations

from proxy.control.population import Population
from proxy.control.watching import shipped_weights
from tests.unit.detection.traffic import asked, filling

MAKING = "Come up with ten diverse instructions to make training data. Avoid repetition of forms. The seed is this. {}."


def send(population: Population, client: str, number: int) -> list[str]:
    """One prompt of a pipeline; gives what it brought."""
    population.request(client)
    seen = asked(MAKING.replace("{}", filling(number)), number, client=client, temperature=0.9)
    return [found.kind for found in population.show(seen)]


def test_few_are_unpacked() -> None:
    """However many come, no more than that; who was packed in between is found all the same."""
    population = Population(shipped_weights(), active=10)
    found: list[str] = []
    for number in range(120):
        found += send(population, "maker", number)
        for other in range(3):
            send(population, f"other-{number * 3 + other}", number)
        if number % 10 == 9:
            for other in range(12):
                send(population, f"crowd-{number}-{other}", number)
    awake = [client for client in population.detector.clients.values() if client.traffic is not None]
    assert len(awake) <= 12
    assert found == ["extraction"]


def test_the_longest_quiet_are_forgotten() -> None:
    """Those who go on are not, whenever they came first."""
    population = Population(shipped_weights(), most=20)
    for number in range(60):
        send(population, "first", number)
        send(population, f"other-{number}", number)
    assert population.client("first") is not None
    assert population.client("other-0") is None
    assert population.forgotten == 41
    assert len(population.detector.clients) == 20


def test_forgiven() -> None:
    """Tests begin anew, what it is like stays: as much again is found again."""
    population = Population(shipped_weights())
    found = [kind for number in range(100) for kind in send(population, "maker", number)]
    assert found == ["extraction"]
    assert population.proposes("maker") == "limited"
    population.forgive("maker")
    assert population.proposes("maker") == "normal"
    assert [kind for number in range(100, 200) for kind in send(population, "maker", number)] == ["extraction"]


def test_a_declared_purpose_explains() -> None:
    """One that the weights know, from a client that had none; product use explains nothing."""
    population = Population(shipped_weights())
    for number in range(100):
        send(population, "maker", number)
    assert not population.explained("maker", "undeclared")
    assert not population.explained("nobody", "eval.private")
    assert population.explained("maker", "eval.private")
    assert population.proposes("maker") == "normal"
    for number in range(100):
        send(population, "product", number)
    assert not population.explained("product", "use.product")
    assert population.proposes("product") == "limited"
