"""The signal `narrow_task` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import bare, terms_after


def test_what_the_system_text_narrows() -> None:
    """Translation is one narrow task, retrieved context is given context, an open assistant is neither."""
    assert terms_after(bare(60, system="Translate the text of the user into German."))["narrow"] > 0.9
    assert terms_after(bare(60, system="Answer based on the context below and nothing else."))["given_context"] > 0.9
    plain = terms_after(bare(60, system="You are an assistant who knows a lot."))
    assert plain["narrow"] == plain["given_context"] == 0
