"""Whom an update reaches, day by day."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from proxy.terms.agreements import Bound, ends, laid, reached, starts
from proxy.terms.schema import Line

DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=each) for each in range(12)]


def line(name: str, start: dt.date | None, end: dt.date | None) -> Line:
    return Line.model_validate({"purpose": "use.product", "verdict": "allow", "clauses": [name], "from": start, "until": end})


def said(lines: list[Line], day: dt.date) -> str | None:
    return next((each.clauses[0] for each in lines if starts(each) <= day < ends(each)), None)


@given(
    st.lists(st.sampled_from(DAYS), unique=True, min_size=1, max_size=5), st.lists(st.sampled_from(DAYS), min_size=1, max_size=3)
)
def test_a_tenant_has_the_text_of_its_last_agreement(changes: list[dt.date], agreed: list[dt.date]) -> None:
    """On each day the text that held on the last day of agreement up to then, and before the first one the oldest text."""
    bounds = [None, *sorted(changes), None]
    lines = [line(str(at), bounds[at], bounds[at + 1]) for at in range(len(bounds) - 1)]
    bound = Bound(tuple(agreed), (), {str(at): "pinned_to_order_form" for at in range(len(lines))})
    held = reached(lines, bound)
    for day in DAYS:
        last = max((each for each in agreed if each <= day), default=None)
        assert said(held, day) == (said(lines, last) if last is not None else "0")


@given(st.lists(st.sampled_from(range(12)), unique=True, max_size=4), st.lists(st.sampled_from(range(12)), unique=True, max_size=4))
def test_what_is_laid_over_hides_what_is_under_it(over: list[int], under: list[int]) -> None:
    """On each day the upper line where there is one, else the lower; nothing is said twice."""

    def spans(numbers: list[int], name: str) -> list[Line]:
        ordered = sorted(numbers)
        return [
            line(f"{name}{at}", DAYS[first], DAYS[second])
            for at, (first, second) in enumerate(zip(ordered[::2], ordered[1::2], strict=False))
        ]

    upper, lower = spans(over, "u"), spans(under, "l")
    result = laid(upper, lower)
    for day in DAYS:
        assert said(result, day) == (said(upper, day) or said(lower, day))
        assert sum(starts(each) <= day < ends(each) for each in result) <= 1
