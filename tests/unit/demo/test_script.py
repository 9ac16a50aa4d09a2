"""Scripts are read from a model's name, a header and a body."""

from __future__ import annotations

import pytest

from proxy.demo.scripted.script import BadScriptError, Script, read_script


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5.2", Script()),
        ("scripted", Script()),
        ("scripted-429", Script(status=429)),
        ("scripted-429-twice", Script(status=429, times=2)),
        ("scripted-reset-once", Script(fault="reset", times=1)),
    ],
)
def test_model_name_is_a_script(model: str, expected: Script) -> None:
    """The words of a model's name that begins with `scripted` are its script; other names have none."""
    assert read_script(model, "", b"") == expected


def test_later_places_override_earlier_ones() -> None:
    """The body overrides the header, the header the model's name, key by key."""
    script = read_script(
        "scripted-429-twice", "status=500 delay_ms=1.5", b'{"a": "x [[script: status=503 early]] [[script: status=504]]"}'
    )
    assert script == Script(status=504, times=2, delay_ms=1.5)


def test_values_have_types() -> None:
    """Numbers, booleans, lists and choices are read as what they are."""
    script = read_script("", "early interim=103,102 retry_after=1.5 encoding=br fault=stall at=head", b"")
    assert script == Script(early=True, interim=(103, 102), retry_after="1.5", encoding="br", fault="stall", at="head")


@pytest.mark.parametrize("words", ["bogus=1", "status=many", "fault=laziness", "encoding=rot13"])
def test_unreadable_script_is_named(words: str) -> None:
    """An unknown key or value is an error that names it."""
    with pytest.raises(BadScriptError, match=words.partition("=")[0]):
        read_script("", words, b"")


def test_success_keeps_the_shape() -> None:
    """The attempt that succeeds loses status and fault, and keeps everything else."""
    assert Script(status=429, times=2, fault="reset", retry_after="1", words=5).calmed() == Script(times=2, words=5)
