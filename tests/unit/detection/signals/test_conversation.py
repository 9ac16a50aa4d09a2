"""The signal `conversation` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from proxy.core.facts import Message, RequestFacts
from proxy.detection.records import Observation, Wishes, observe
from tests.unit.detection.traffic import asked, bare, filling, terms_after


def talk(count: int, *, real: bool, then: str = "", **more: bool) -> list[Observation]:
    """Conversations of two turns, the second of which may always be the same; unless `real`, the model's turn in them was never its
    answer.
    """
    seen = []
    for n in range(count):
        said = filling(n + 5000, 12)
        seen.append(asked(filling(n), 2 * n, answer=said, answer_chars=len(said), **more))
        earlier = [Message("user", filling(n)), Message("assistant", said if real else filling(n + 9000, 12))]
        seen.append(asked(then or filling(n + 700), 2 * n + 1, turns_before=earlier, **more))
    return seen


def test_conversations_that_go_on() -> None:
    """A turn after our own answer goes on; examples written as a conversation are shots."""
    real, shots = terms_after(talk(60, real=True)), terms_after(talk(60, real=False))
    assert real["continued"] > 0.8
    assert real["shots"] == 0
    assert shots["continued"] == 0
    assert shots["shots"] > 0.1


def test_an_answer_put_into_its_mouth_again() -> None:
    """Who has the model go on from an answer of its own holds no conversation: that is how a solution is sampled step by step."""
    seen = []
    for n in range(60):
        said = filling(n + 5000, 12)
        seen.append(asked(filling(n), 2 * n, answer=said, answer_chars=len(said)))
        messages = [Message("user", filling(n)), Message("assistant", said)]
        seen.append(observe("c", 2.0 * n + 1, "chat", RequestFacts(model="m"), messages, Wishes()))
    terms = terms_after(seen)
    assert terms["continued"] == 0
    assert terms["single_turn"] > 0.8


def test_people_and_tools() -> None:
    """Streams for many end users are people's, half so while none of them goes on, since anyone can ask for a stream; tools are
    an agent's, unless they are only the form of the answer.
    """
    assert terms_after(talk(60, real=True, stream=True))["people"] > 0.5
    assert 0.45 < terms_after([asked(filling(n), n, stream=True, end_user=f"u{n % 30}") for n in range(60)])["people"] < 0.55
    assert terms_after(bare(60, tools=3))["tools"] > 0.9
    assert terms_after(bare(60, tools=1, wishes=Wishes(fields=("label",))))["tools"] == 0
    assert terms_after(bare(60))["single_turn"] > 0.8


def test_a_script_goes_on() -> None:
    """What goes on by the same text each time is a script; people say something new."""
    assert terms_after(talk(60, real=True, then="Find what is wrong with it."))["scripted"] > 0.8
    assert terms_after(talk(60, real=True))["scripted"] == 0


def test_a_stream_is_nobody() -> None:
    """A stream alone is no person: somebody goes on, or end users are named."""
    assert terms_after(bare(120, stream=True))["people"] < 0.01
