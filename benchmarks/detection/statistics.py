"""Intervals of shares, and how to print them."""

from __future__ import annotations

from math import comb


def tail(successes: int, trials: int, share: float) -> float:
    """Probability of at least so many successes."""
    if share <= 0:
        return 1.0 if successes == 0 else 0.0
    if trials > 400:
        return _tail_by_ratio(successes, trials, share)
    return sum(comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(successes, trials + 1))


def _tail_by_ratio(successes: int, trials: int, share: float) -> float:
    """The same, term by term from the largest down, for many trials."""
    from math import exp, lgamma, log

    if share >= 1:
        return 1.0
    total = 0.0
    for k in range(successes, trials + 1):
        each = exp(lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(share) + (trials - k) * log(1 - share))
        total += each
        if k > trials * share and each < 1e-15:
            break
    return min(1.0, total)


def interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson: the shares that so many successes do not exclude."""
    if not trials:
        return 0.0, 1.0
    half = (1 - level) / 2
    low = 0.0 if not successes else _solve(lambda share: tail(successes, trials, share) < half)
    high = 1.0 if successes == trials else _solve(lambda share: 1 - tail(successes + 1, trials, share) > half)
    return low, high


def upper(successes: int, trials: int) -> float:
    """The upper 95 % bound alone."""
    return interval(successes, trials, 0.9)[1]


def _solve(below: object) -> float:
    low, high = 0.0, 1.0
    assert callable(below)
    for _ in range(40):
        middle = (low + high) / 2
        if below(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def quantile(values: list[float], share: float) -> float:
    """The nearest rank; infinity where that is not reached."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else float("nan")


def shown(successes: int, trials: int) -> str:
    """`9/10 = 90 % (55-100)`."""
    low, high = interval(successes, trials)
    return f"{successes}/{trials} = {successes / max(1, trials):.0%} ({100 * low:.0f}-{100 * high:.0f})"
