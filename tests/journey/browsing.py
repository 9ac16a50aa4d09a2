"""A real browser that is signed in, and what it is held to on every page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.journey import environments

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LOOKS = (("light", 1280), ("dark", 390))
"""Colour scheme and width: a desk, and a phone at night."""

RULES = {
    "light": "['wcag2a', 'wcag2aa', 'wcag21aa']",
    "dark": "{type: 'rule', values: ['color-contrast', 'scrollable-region-focusable', 'link-in-text-block']}",
}
"""What axe looks for: at night and on a phone only what colours and width decide, as the page itself is the same."""


@dataclass
class Visitor:
    """A browser that is signed in, and what it complained about or asked of others."""

    address: str
    context: BrowserContext
    page: Page
    rules: str = RULES["light"]
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        """Open a page."""
        self.page.goto(self.address + address)
        return self.page

    def inspect(self) -> None:
        """Hold the page that is open to what holds for every one."""
        page, where = self.page, self.page.url
        assert page.evaluate("window.ran") is None, where
        assert "\u202e" not in page.content(), where
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 1, where
        if page.locator("[data-chart]").count():
            page.locator("[data-chart] canvas").wait_for()
        page.evaluate((environments.ensure("node") / "node_modules" / "axe-core" / "axe.min.js").read_text())
        found = page.evaluate(f"axe.run(document, {{runOnly: {self.rules}, resultTypes: ['violations']}})")
        serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in serious] == [], where


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's browser, one for a file's tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def submit(page: Page, button: str) -> None:
    """Click on what leads to another page, and be there, whole: a click alone returns when that page begins to come."""
    with page.expect_navigation(wait_until="load"):
        page.click(button)


@contextmanager
def visiting(browser: Browser, address: str, token: str, scheme: str, width: int) -> Iterator[Visitor]:
    """Somebody who has signed in; at the end nothing was complained of, and nothing was asked of anybody else."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    made = Visitor(address, context, context.new_page(), RULES[scheme])
    made.page.on("console", lambda message: made.complaints.append(message.text) if message.type in ("error", "warning") else None)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    made.page.on("request", lambda asked: _asked(made, asked))
    made.go("/sign-in")
    made.page.fill("#secret", token)
    made.page.keyboard.press("Enter")
    made.page.wait_for_url(address + "/")
    yield made
    assert made.complaints == []
    assert made.elsewhere == []
    context.close()


def _asked(visitor: Visitor, request: Request) -> None:
    if not request.url.startswith(visitor.address):
        visitor.elsewhere.append(request.url)
