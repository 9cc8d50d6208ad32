"""The style page in a real browser: no error, nothing that the policy forbids, readable by all."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.async_api import Browser, Page, Route, async_playwright

from core.admin.headers import PAGE
from core.admin.look.assets import PREFIX
from core.admin.look.environment import Renderer
from core.admin.preferences import Preferences
from core.admin.screens.styleguide import values
from core.admin.view import NavItem
from core.admin.words.i18n import Formats, direction_of

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[1] / "vendor" / "axe.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ZONE = ZoneInfo("Asia/Jakarta")
NAV = (
    NavItem("Home", "/app/", "house"),
    NavItem("Customers", "/app/customers/", "users", True),
    NavItem("Users", "/app/users/", "users-round", False, "Settings"),
)
SHOWN = [
    ("default", "light", "en", 1280),
    ("default", "dark", "ar", 360),
    ("ledger", "light", "id", 360),
    ("ledger", "dark", "en", 1280),
]

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's Chromium")


class Reader(msgspec.Struct):
    """What the frame asks of a page."""

    locale: str
    direction: str
    mode: str
    user: dict[str, str]
    preferences: Preferences = Preferences()
    closed: bool = False
    csrf: str = "token"


@pytest.fixture(scope="module")
def looks() -> Renderer:
    return Renderer({})


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        await found.close()


def style_page(looks: Renderer, theme: str, mode: str, locale: str) -> str:
    user = {"name": "Dewi Lestari", "email": "dewi@example.org"}
    page = Reader(locale, direction_of(locale), mode, user)
    say = looks.words.of(looks.words.language_of(locale)).gettext
    shown = values(Formats(locale, ZONE), say)
    look: dict[str, Any] = {"theme": theme, "locale": locale, "zone": ZONE}
    return looks.render("styleguide.html", page=page, user=user, nav=NAV, **look, **shown)


async def opened(
    browser: Browser, looks: Renderer, html: str, width: int
) -> tuple[Page, list[str]]:
    """Return the page in a browser that keeps to the policy, and what went wrong in it."""
    page = await browser.new_page(viewport={"width": width, "height": 800}, reduced_motion="reduce")
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))

    async def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://crm.test")
        if path == "/app/styleguide":
            await route.fulfill(body=html, content_type="text/html", headers=PAGE)
        elif path.startswith(PREFIX):
            asset = looks.assets.served[path.removeprefix(PREFIX)]
            await route.fulfill(body=asset.content, content_type=asset.media)
        elif path.startswith("/app/palette/"):
            await route.fulfill(body="", content_type="text/html", headers=PAGE)
        else:
            wrong.append(f"asked for {path}")
            await route.abort()

    await page.route("**/*", answer)
    await page.goto("http://crm.test/app/styleguide")
    return page, wrong


@pytest.mark.parametrize(("theme", "mode", "locale", "width"), SHOWN)
async def test_style_page_has_no_fault(
    browser: Browser, looks: Renderer, theme: str, mode: str, locale: str, width: int
) -> None:
    html = style_page(looks, theme, mode, locale)
    page, wrong = await opened(browser, looks, html, width)
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    faults = [(v["id"], [n["target"] for n in v["nodes"]]) for v in found["violations"]]
    beside = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    await page.close()
    assert faults == []
    assert wrong == []
    assert beside == 0


async def test_menus_dialogs_and_selection_answer_to_the_keyboard(
    browser: Browser, looks: Renderer
) -> None:
    html = style_page(looks, "default", "light", "en")
    page, wrong = await opened(browser, looks, html, 1280)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.focus("[popovertarget=menu-row-1]")
    await page.keyboard.press("ArrowDown")
    await page.wait_for_selector("#menu-row-1 :focus")
    await page.keyboard.press("ArrowDown")
    assert await page.evaluate("document.activeElement.innerText.trim()") == "Points"
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    assert await page.evaluate("document.activeElement.name") == "q"
    await page.keyboard.press("Escape")
    await page.locator("body").press("?")
    assert await page.locator("#shortcuts > div").is_visible()
    await page.keyboard.press("Escape")
    await page.check("[data-select-all]")
    assert await page.inner_text(".bulk-bar > p") == "5 selected"
    await page.close()
    assert wrong == []


async def test_card_comes_back_when_the_server_refuses_its_move(
    browser: Browser, looks: Renderer
) -> None:
    html = style_page(looks, "default", "light", "en")
    page, _wrong = await opened(browser, looks, html, 1280)
    await page.route("**/app/styleguide", lambda route: route.fulfill(status=409, body=""))
    await page.focus("#deals-1")
    await page.keyboard.press("Control+ArrowRight")
    await page.wait_for_selector("#toaster .toast")
    assert await page.locator("[data-key=new] #deals-1").count() == 1
    assert await page.locator("[data-key=new] [data-count]").inner_text() == "2"
    await page.close()
