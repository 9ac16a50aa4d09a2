"""The review pages in a real browser before a real proxy: by mouse and by keyboard, in light and dark, on a phone; nothing that a
client wrote runs, nothing is loaded from elsewhere, and nobody is shut out.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from proxy.demo.upstream import upstream_process
from tests.journey import environments
from tests.proxy_server import TOKEN, ProxyServer, proxy_server

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PAGES = ("/", "/queue", "/findings", "/exchanges", "/principals", "/policies", "/terms", "/ledger", "/alerts", "/settings")
HOSTILE = (
    "<script>window.ran=1</script>",
    '"><img src=x onerror="window.ran=1">',
    "javascript:window.ran=1//",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "\u202egnihtemos\u202c \u2066hidden\u2069",
    "\x1b[31mred\x1b[0m\x07",
    "=cmd|' /C calc'!A1",
    "</textarea></pre></title><svg onload=window.ran=1>",
)

pytestmark = [
    pytest.mark.xdist_group("pages"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]


@dataclass
class Visitor:
    """A browser that is signed in, and what it complained about or asked of others."""

    server: ProxyServer
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        """Open a page of the proxy."""
        self.page.goto(self.server.admin_url + address)
        return self.page


def _asked(visitor: Visitor, request: Request) -> None:
    if not request.url.startswith(visitor.server.admin_url):
        visitor.elsewhere.append(request.url)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServer]:
    """A proxy through which hostile texts have come, some of them with a purpose that its terms forbid."""
    configuration = {"principals": {"lab": {"keys": ["sk-lab-0123456789"], "purposes": ["use.internal", "train.general"]}}}
    with (
        upstream_process() as upstream,
        proxy_server(tmp_path_factory.mktemp("pages"), upstream, configuration=configuration) as made,
    ):
        made.wait_admin()
        for text in HOSTILE:
            _ask(made, text, {"authorization": "Bearer sk-lab-0123456789", "x-tos-purpose": "train.general", "user-agent": "a"})
            _ask(made, text, {"authorization": "Bearer sk-other", "user-agent": text.encode("ascii", "ignore").decode() or "a"})
        _until(made, "/exchanges", 2 * len(HOSTILE))
        _until(made, "/cases", 1)
        yield made


def _ask(server: ProxyServer, text: str, headers: dict[str, str]) -> None:
    body = {"model": text, "user": text, "messages": [{"role": "user", "content": text}]}
    clean = {name: "".join(letter for letter in value if letter.isprintable()) for name, value in headers.items()}
    answer = httpx2.post(f"{server.gateway_url}/openai/v1/chat/completions", json=body, headers=clean, timeout=20)
    assert answer.status_code in (200, 403), answer.text


def _until(server: ProxyServer, path: str, count: int) -> list[dict[str, Any]]:
    """Wait for the store to know so many."""
    deadline = time.monotonic() + 30
    while True:
        items: list[dict[str, Any]] = server.api(f"{path}?limit=100")["items"]
        if len(items) >= count:
            return items
        assert time.monotonic() < deadline, f"{path} has {len(items)} of {count}"
        time.sleep(0.2)


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light-desk", "dark-phone"])
def visitor(request: pytest.FixtureRequest, chromium: Browser, server: ProxyServer) -> Iterator[Visitor]:
    scheme, width = request.param
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    made = Visitor(server, context, context.new_page())
    made.page.on("console", lambda message: made.complaints.append(message.text) if message.type in ("error", "warning") else None)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    made.page.on("request", lambda asked: _asked(made, asked))
    made.go("/sign-in")
    made.page.fill("#secret", TOKEN)
    made.page.keyboard.press("Enter")
    made.page.wait_for_url(server.admin_url + "/")
    yield made
    assert made.complaints == []
    assert made.elsewhere == []
    context.close()


def _axe() -> str:
    return (environments.ensure("node") / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _all_addresses(server: ProxyServer) -> list[str]:
    """Every page, and one of each kind that is about one thing."""
    case = server.api("/cases")["items"][0]["id"]
    finding = server.api("/findings")["items"][0]["id"]
    exchange = server.api("/exchanges")["items"][0]["id"]
    return [*PAGES, f"/cases/{case}", f"/findings/{finding}", f"/exchanges/{exchange}", "/principals/lab", "/terms/openai.api"]


def test_every_page_is_open_to_everybody_and_runs_nothing(visitor: Visitor) -> None:
    """No serious barrier by axe's rules, no text of a client's run or hidden, no width that scrolls, no word to anybody else."""
    axe = _axe()
    for address in _all_addresses(visitor.server):
        page = visitor.go(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.ran") is None, address
        assert "\u202e" not in page.content(), address
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 1, address
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})")
        serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
        told = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in serious]
        assert told == [], address


def test_a_content_is_shown_as_text(visitor: Visitor) -> None:
    """Whatever it is, also once it is opened."""
    for item in visitor.server.api("/exchanges?limit=100")["items"]:
        visitor.go(f"/exchanges/{item['id']}")
        visitor.page.fill("input[name=reason]", "to see what it is")
        visitor.page.click("text=Open the content")
        visitor.page.wait_for_load_state("networkidle")
        assert visitor.page.evaluate("window.ran") is None
        assert visitor.page.locator("pre.hostile").count() > 0


def test_a_case_is_decided_by_keyboard(chromium: Browser, server: ProxyServer) -> None:
    """From signing in to a decision that is on the record, without a mouse."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(server.admin_url + "/queue")
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_url(server.admin_url + "/")
    page.goto(server.admin_url + "/queue")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*")
    page.focus("input[value=confirmed]")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.focus("#note")
    page.keyboard.type("a person said so")
    page.focus("text=Decide >> nth=-1")
    page.locator("form.decide button").press("Enter")
    page.wait_for_load_state("networkidle")
    assert "confirmed" in page.inner_text("dl.facts")
    assert "a person said so" in page.inner_text("ol.history")
    context.close()


def test_pages_are_read_without_javascript(chromium: Browser, server: ProxyServer) -> None:
    """Nothing that is to be read needs a script."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.admin_url + "/sign-in")
    page.fill("#secret", TOKEN)
    page.click("main button")
    for address in _all_addresses(server):
        page.goto(server.admin_url + address)
        assert page.locator("h1").count() == 1, address
    context.close()
