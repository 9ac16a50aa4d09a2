"""What an expression came to, remembered by the values that it speaks of."""

from __future__ import annotations

import pytest

from proxy.core.call import Call
from proxy.core.exchange import NO_CREDENTIAL
from proxy.core.facts import RequestFacts
from proxy.core.principal import Principal
from proxy.policy.expressions import Expression
from proxy.policy.remembering import MOST, Remembered, remembering


class Counted:
    """An expression that counts how often it is evaluated."""

    def __init__(self, source: str) -> None:
        self._expression = Expression(source)
        self.inputs = self._expression.inputs
        self.times = 0

    def __call__(self, call: Call) -> bool:
        """Its value."""
        self.times += 1
        return self._expression(call)


def a_call(model: str = "m", chars: int = 0, **attributes: str) -> Call:
    """A chat."""
    facts = RequestFacts(model=model, prompt_chars=chars, flags=["media"])
    return Call(1, "u", "h", "openai", "chat", "POST", facts, Principal("p", attributes=attributes), NO_CREDENTIAL, "undeclared")


def test_the_same_values_are_evaluated_once() -> None:
    """Names that the expression does not speak of make no difference, those that it speaks of do: texts, lists and maps."""
    counted = Counted('model.matches("^a") && "media" in flags && "x" in attributes')
    when = remembering(counted)
    assert when(a_call("ab", x="1"))
    assert when(a_call("ab", chars=7, x="1"))
    assert counted.times == 1
    assert not when(a_call("b", x="1"))
    assert not when(a_call("ab"))
    assert counted.times == 3


def test_a_moment_counts_as_its_minute_where_a_date_is_asked_for() -> None:
    """Seconds make no difference to an hour, the next minute is another value; to what looks at seconds they do."""
    for source, times in (('time.at.getHours("Europe/Berlin") >= 22', 2), ('time.at.getSeconds("Europe/Berlin") >= 22', 3)):
        counted = Counted(source)
        when = remembering(counted)
        for at in (1, 59_000_000, 60_000_000):
            call = a_call()
            call.at = at
            when(call)
        assert counted.times == times, source


def test_values_that_never_come_again_end_it() -> None:
    """Then memory costs more than it saves; the outcome is the same either way, and memory is bounded."""
    counted = Counted("prompt_chars % 2 == 0")
    when = Remembered(counted, counted.inputs)
    assert [when(a_call(chars=chars)) for chars in range(MOST + 10)] == [chars % 2 == 0 for chars in range(MOST + 10)]
    assert when.given_up
    assert counted.times == MOST + 10


def test_values_that_come_again_go_on() -> None:
    """However many there are."""
    counted = Counted("prompt_chars % 2 == 0")
    when = Remembered(counted, counted.inputs)
    for chars in range(MOST):
        for _ in range(5):
            when(a_call(chars=chars))
    when(a_call(chars=MOST))
    assert not when.given_up


def test_a_failure_is_not_remembered_nor_is_a_text_without_end() -> None:
    """Each is evaluated again."""
    counted = Counted('attributes["x"] == "1"')
    when = remembering(counted)
    for _ in range(2):
        with pytest.raises(Exception, match="no value"):
            when(a_call())
    assert counted.times == 2
    counted = Counted('model.endsWith("z")')
    when = remembering(counted)
    assert [when(a_call("x" * 300)) for _ in range(2)] == [False, False]
    assert counted.times == 2


def test_what_is_cheap_is_left_alone() -> None:
    """A plain function does not say of what it speaks."""
    assert remembering(a_call) is a_call  # type: ignore[arg-type]
