"""Hostile texts on pages."""

from __future__ import annotations

from proxy.admin.pages import texts


def test_what_is_shown_is_text_and_nothing_in_it_is_hidden() -> None:
    """Markup is escaped; marks that turn or hide text stand there by name."""
    shown = str(texts.seen("<b>\u202eevil\x1b[31m\u200b</b>\n\t"))
    assert "<b>" not in shown
    assert [mark in shown for mark in ("U+202E", "U+001B", "U+200B")] == [True] * 3
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert shown.endswith("\n\t")


def test_a_long_text_is_shown_up_to_a_bound() -> None:
    """And how much more there is."""
    shown = str(texts.seen("a" * (texts.MOST_SHOWN + 5)))
    assert shown.endswith("<em> … 5 more characters</em>")


def test_half_a_letter_is_written_out() -> None:
    """JSON can hold one, no encoding can."""
    assert "U+D800" in str(texts.seen("a\ud800b")).encode().decode()
