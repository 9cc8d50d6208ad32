"""Draws the README's pictures: the demo in a real browser, signed in as the people who use it."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import httpx
import msgspec
from playwright.async_api import Browser, Page, async_playwright

from core.postgres import embedded
from tests.core.commands import Project

CHROMIUM = Path("/usr/bin/chromium")
FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
PASSWORD = "trellis-demo"
RECORD = re.compile(r'href="(/app/customers/[0-9a-f-]{36}/)"')


class Shot(msgspec.Struct, frozen=True):
    """One picture. ``{first}`` in a path is the first customer of the list."""

    name: str
    path: str
    who: str = "staff"
    width: int = 1280
    height: int = 860
    dark: bool = False
    locale: str = ""
    press: str = ""


SHOTS = (
    Shot("login", "/app/login/", who=""),
    Shot("customers", "/app/customers/"),
    Shot("customers-dark", "/app/customers/", dark=True),
    Shot("customers-arabic", "/app/customers/", locale="ar"),
    Shot("customers-phone", "/app/customers/", width=360, height=740),
    Shot("customer", "{first}"),
    Shot("customer-phone", "{first}", width=360, height=740),
    Shot("edit", "{first}edit/"),
    Shot("history", "{first}history/"),
    Shot("dashboard", "/app/"),
    Shot("palette", "/app/customers/", press="Control+k"),
    Shot("apps", "/app/apps/", who="admin"),
    Shot("settings", "/app/settings/", who="admin"),
    Shot("roles", "/app/roles/", who="admin"),
    Shot("portal", "/app/", who="customer"),
    Shot("portal-phone", "/app/", who="customer", width=360, height=740),
)


async def _enter(page: Page, origin: str, who: str) -> None:
    await page.goto(f"{origin}/app/login/")
    await page.fill("[name=email]", f"{who}@acme.example")
    await page.fill("[name=password]", PASSWORD)
    await page.click("main form [type=submit], form [type=submit]")
    await page.wait_for_url(re.compile(r"/app/(?!login)"))


async def _read_in(page: Page, origin: str, locale: str) -> None:
    """Choose a language on the page of the account."""
    await page.goto(f"{origin}/app/account/")
    await page.select_option("[name=locale]", locale)
    async with page.expect_navigation():
        await page.locator("form:has([name=locale]) [type=submit]").click()


async def draw(browser: Browser, origin: str, shot: Shot, folder: Path) -> None:
    """Take one picture."""
    context = await browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.dark else "light",
        device_scale_factor=2 if shot.width < 600 else 1,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    if shot.who:
        await _enter(page, origin, shot.who)
    if shot.locale:
        await _read_in(page, origin, shot.locale)
    path = shot.path
    if "{first}" in path:
        await page.goto(f"{origin}/app/customers/?ordering=-loyalty_points")
        first = RECORD.search(await page.content())
        assert first is not None, "the demo has no customers"
        path = path.replace("{first}", first[1])
    await page.goto(origin + path)
    if shot.press:
        await page.keyboard.press(shot.press)
        await page.keyboard.type("an")
    await page.wait_for_timeout(600)
    await page.screenshot(path=folder / f"{shot.name}.png")
    if shot.locale:
        await _read_in(page, origin, "")
    await context.close()


async def draw_all(origin: str, folder: Path, names: list[str]) -> None:
    """Take the pictures whose names are wanted, or all."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for shot in SHOTS:
            if not names or shot.name in names:
                await draw(browser, origin, shot, folder)
        await browser.close()


def main(*names: str) -> None:
    """Serve a demo of its own and draw it."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="trl-shots-", ignore_cleanup_errors=True) as folder:
        project = Project(Path(folder), ("customers", "loyalty"))
        try:
            with project.serving("--scale", "0.1", command=("up",)) as served:
                httpx.get(f"{served.url}/health/ready", timeout=60)
                origin = f"http://acme.localhost:{served.port}"
                asyncio.run(draw_all(origin, FOLDER, list(names)))
        finally:
            embedded.drop(project.home)


if __name__ == "__main__":
    main(*sys.argv[1:])
