"""When something goes wrong between page and server: what is typed stays, and people are told.

Each is looked at in a real browser: in whole pages, in what htmx asks for, and without scripts.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, cast
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from core.server.app import Trellis
from core.testing.probes import Stage
from tests.contract.test_plugin_off import switch
from tests.e2e.browser.clerks import enter, hire
from tests.e2e.browser.conftest import serve
from tests.e2e.browser.visiting import Site

RECORD = re.compile(r"/app/customers/[0-9a-f-]{36}/$")
TOAST = "#toaster .toast"


class Proxy:
    """What stands before the server and lets requests through, or none for 41 seconds."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._closed = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not self._closed or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/html"), (b"retry-after", b"41")]
        body = b"<html><h1>429 Too Many Requests</h1><center>nginx</center></html>"
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """Let nothing through."""
        self._closed = True
        yield
        self._closed = False


@pytest.fixture(scope="module")
def proxy(own_stage: Stage) -> Proxy:
    return Proxy(own_stage.world.app)


@pytest.fixture(scope="module")
async def own_site(own_stage: Stage, proxy: Proxy) -> AsyncIterator[Site]:
    """An application of this file alone: its plugins are switched off, its tables renamed."""
    world = copy(own_stage.world)
    world.app = cast(Trellis, proxy)
    async for found in serve(world):
        yield found


@pytest.fixture
async def address(own_stage: Stage) -> str:
    """A member of the staff with a password; the e-mail address."""
    return await hire(own_stage.world)


@pytest.fixture
async def tab(
    request: pytest.FixtureRequest, chromium: Browser, own_site: Site, address: str
) -> AsyncIterator[Page]:
    """A tab in which the member of the staff is signed in; ``plain`` runs no script in it."""
    plain = getattr(request, "param", "") == "plain"
    context = await own_site.stranger(chromium, java_script_enabled=not plain)
    page = await context.new_page()
    await page.goto("/app/customers/")
    await enter(page, address)
    await expect(page).to_have_url(f"{own_site.origin()}/app/customers/")
    yield page
    await context.close()


BOTH = pytest.mark.parametrize("tab", ["scripts", "plain"], indirect=True)


async def save(page: Page, name: str = "name") -> None:
    """Send the form in which a field stands."""
    await page.locator(f"main form:has([name={name}]) [type=submit]:not([name])").first.click()


async def customer(stage: Stage, **values: object) -> UUID:
    return await stage.world.plant("customers.customer", **values)


async def plain_changes(stage: Stage, sql: str) -> None:
    """Change the database as its owner does, past the application."""
    await stage.world.scratch.run(sql)


@asynccontextmanager
async def offline(context: BrowserContext) -> AsyncIterator[None]:
    """Without a network."""
    await context.set_offline(True)
    yield
    await context.set_offline(False)


async def test_a_whole_form_waits_for_the_network(tab: Page) -> None:
    """A network failure shows a toast with retry and keeps what was typed."""
    await tab.goto("/app/customers/new/")
    await tab.fill("main [name=name]", "Kept Without Network")
    await tab.fill("main [name=email]", "kept@network.example")
    async with offline(tab.context):
        await save(tab)
        await expect(tab.locator(TOAST)).to_contain_text("could not be reached")
        await expect(tab.locator("main [name=name]")).to_have_value("Kept Without Network")
        await tab.locator(f"{TOAST} button").click()
        await expect(tab.locator(TOAST)).to_have_count(1)
    await tab.locator(f"{TOAST} button").click()
    await expect(tab).to_have_url(RECORD)
    await expect(tab.locator("main")).to_contain_text("Kept Without Network")


async def test_a_part_of_a_page_waits_for_the_network(own_stage: Stage, tab: Page) -> None:
    id = await customer(own_stage, city="Bogor")
    await tab.goto(f"/app/customers/{id}/?edit=city")
    await tab.goto(f"/app/customers/{id}/")
    await tab.locator('a[href$="?edit=city"]').first.click()
    await tab.fill(".inline-form [name=city]", "Surabaya")
    async with offline(tab.context):
        await tab.press(".inline-form [name=city]", "Enter")
        await expect(tab.locator(TOAST)).to_contain_text("could not be reached")
        await expect(tab.locator(".inline-form [name=city]")).to_have_value("Surabaya")
    await tab.locator(f"{TOAST} button").click()
    await expect(tab.locator(".inline-form")).to_have_count(0)
    await expect(tab.locator("main")).to_contain_text("Surabaya")


@BOTH
async def test_a_page_is_returned_to_after_the_session_ended(
    own_stage: Stage, tab: Page, address: str
) -> None:
    path = f"/app/customers/{await customer(own_stage)}/?tab=history"
    await tab.context.clear_cookies()
    await tab.goto(path)
    await expect(tab).to_have_url(re.compile("/app/login/"))
    await enter(tab, address)
    await expect(tab).to_have_url(re.compile(re.escape(path)))


@BOTH
async def test_a_form_outlives_its_session(tab: Page, address: str) -> None:
    """What was typed goes along: sign in in another window, then send it again."""
    await tab.goto("/app/customers/new/")
    await tab.fill("main [name=name]", "Outlives Session")
    await tab.fill("main [name=email]", f"outlives-{address}")
    await tab.context.clear_cookies()
    await save(tab)
    await expect(tab.locator("main")).to_contain_text("Nothing that you typed is lost")
    async with tab.context.expect_page() as opened:
        await tab.locator("main a[target=_blank]").click()
    other = await opened.value
    await enter(other, address)
    await expect(other).not_to_have_url(re.compile("/login/"))
    await other.close()
    again = tab.locator("main form [type=submit]")
    await again.click()
    # The form was made before: it is shown once more, and then saved.
    if await tab.locator("main input[type=hidden][name=name]").count():
        await expect(tab.locator("main")).to_contain_text("Send it again")
        await again.click()
    await expect(tab).to_have_url(RECORD)
    await expect(tab.locator("main")).to_contain_text("Outlives Session")


async def test_a_part_of_a_page_outlives_its_session(
    own_stage: Stage, tab: Page, address: str
) -> None:
    id = await customer(own_stage, city="Bogor")
    await tab.goto(f"/app/customers/{id}/")
    await tab.locator('a[href$="?edit=city"]').first.click()
    await tab.fill(".inline-form [name=city]", "Semarang")
    await tab.context.clear_cookies()
    await tab.press(".inline-form [name=city]", "Enter")
    await expect(tab.locator(TOAST)).to_contain_text("signed out")
    async with tab.context.expect_page() as opened:
        await tab.locator(f"{TOAST} a").click()
    other = await opened.value
    await enter(other, address)
    await expect(other).to_have_url(re.compile(f"/app/customers/{id}/"))
    await other.close()
    await expect(tab.locator(".inline-form [name=city]")).to_have_value("Semarang")
    await tab.press(".inline-form [name=city]", "Enter")
    await expect(tab.locator(TOAST).last).to_contain_text("Send it again")
    await tab.press(".inline-form [name=city]", "Enter")
    await expect(tab.locator(".inline-form")).to_have_count(0)
    await expect(tab.locator("main")).to_contain_text("Semarang")


@BOTH
async def test_a_record_was_deleted_meanwhile(own_stage: Stage, tab: Page) -> None:
    """The record, its form and its actions: where it is, what was typed, where to go."""
    id = await customer(own_stage, name="Soon Gone")
    main = tab.locator("main")
    await tab.goto(f"/app/customers/{id}/edit/")
    await tab.fill("main [name=city]", "Typed For Nothing")
    gone = f"UPDATE customers_customer SET deleted_at = now() WHERE id = '{id}'"
    await plain_changes(own_stage, gone)
    await save(tab, "city")
    await expect(main).to_contain_text("was deleted")
    await expect(main).to_contain_text("Typed For Nothing")
    await expect(main.locator('a[href="/app/customers/trash/"]')).to_be_visible()
    for path in ("", "edit/", "do/update_points/"):
        answer = await tab.goto(f"/app/customers/{id}/{path}")
        assert answer is not None
        assert answer.status == 404
        await expect(main.locator('a[href="/app/customers/"]').first).to_be_visible()


async def test_an_action_on_what_was_deleted_meanwhile(own_stage: Stage, tab: Page) -> None:
    id = await customer(own_stage)
    await tab.goto(f"/app/customers/{id}/do/update_points/")
    await tab.fill("main [name=points]", "5")
    gone = f"UPDATE customers_customer SET deleted_at = now() WHERE id = '{id}'"
    await plain_changes(own_stage, gone)
    await save(tab, "points")
    await expect(tab.locator("main")).to_contain_text("was deleted")


async def test_a_tab_of_what_was_deleted_meanwhile(own_stage: Stage, tab: Page) -> None:
    """A part of a page that takes only a piece of its answer shows the message all the same."""
    id = await customer(own_stage, name="Gone Under The Tab")
    await tab.goto(f"/app/customers/{id}/")
    gone = f"UPDATE customers_customer SET deleted_at = now() WHERE id = '{id}'"
    await plain_changes(own_stage, gone)
    await tab.locator(f"#record-tabs a[href*='/app/customers/{id}/?tab=']").first.click()
    await expect(tab.locator(TOAST)).to_be_visible()
    await expect(tab.locator("main")).to_contain_text("Gone Under The Tab")


@BOTH
async def test_two_people_change_one_record(own_stage: Stage, tab: Page) -> None:
    """A version conflict is shown as a difference; nothing is overwritten unasked."""
    id = await customer(own_stage, city="Bogor")
    await tab.goto(f"/app/customers/{id}/edit/")
    await tab.fill("main [name=city]", "Mine")
    theirs = f"UPDATE customers_customer SET city = 'Theirs' WHERE id = '{id}'"
    await plain_changes(own_stage, theirs)
    await save(tab, "city")
    main = tab.locator("main")
    await expect(main).to_contain_text("Somebody changed this record")
    await expect(main).to_contain_text("Theirs")
    await expect(main).to_contain_text("Mine")
    await tab.locator('main input[value="mine"]').first.check()
    await main.locator("form [type=submit]").first.click()
    await expect(tab).to_have_url(RECORD)
    await expect(main).to_contain_text("Mine")


@BOTH
async def test_a_plugin_was_switched_off_meanwhile(own_stage: Stage, tab: Page) -> None:
    """List, record and form of what is off: told what may be, and led to a page that is there."""
    reward = await own_stage.world.plant("loyalty.reward", name="Mug")
    await tab.goto(f"/app/loyalty-rewards/{reward}/edit/")
    await tab.fill("main [name=name]", "Never saved")
    await switch(own_stage, ["loyalty"], on=False)
    try:
        await save(tab)
        main = tab.locator("main")
        await expect(main.locator("#kept")).to_contain_text("Never saved")
        for path in (None, "", f"{reward}/", "new/"):
            if path is not None:
                await tab.goto(f"/app/loyalty-rewards/{path}")
            await expect(main).to_contain_text("switched off")
            await expect(main.locator('a[href="/app/"]')).to_be_visible()
    finally:
        await switch(own_stage, ["loyalty"], on=True)


@BOTH
async def test_what_may_not_be_done_says_so(tab: Page) -> None:
    answer = await tab.goto("/app/settings/")
    assert answer is not None
    assert answer.status == 403
    await expect(tab.locator("main")).to_contain_text("You may not do this")
    await expect(tab.locator('main a[href="/app/"]')).to_be_visible()


@BOTH
async def test_a_fault_of_ours_names_its_request(own_stage: Stage, tab: Page) -> None:
    """500: it is said that it is our fault, with the number that finds it in the log."""
    await plain_changes(own_stage, "ALTER TABLE customers_contact RENAME TO away")
    try:
        answer = await tab.goto("/app/contacts/")
        assert answer is not None
        assert answer.status == 500
        main = tab.locator("main")
        await expect(main).to_contain_text("It is our fault")
        await expect(main).to_contain_text(answer.headers["x-request-id"])
    finally:
        await plain_changes(own_stage, "ALTER TABLE away RENAME TO customers_contact")


async def test_guessing_passwords_shows_how_long_to_wait(
    chromium: Browser, own_site: Site, address: str
) -> None:
    """429: the time to wait stands on the page."""
    context = await own_site.stranger(chromium)
    page = await context.new_page()
    await page.goto("/app/login/")
    for _ in range(12):
        await page.fill("[name=email]", address)
        await page.fill("[name=password]", "wrong pony battery")
        async with page.expect_navigation():
            await page.locator("form:has([name=password]) [type=submit]").first.click()
        if re.search(r"\d+ seconds", await page.locator("main").inner_text()):
            break
    else:
        raise AssertionError("nobody was told to wait")
    await context.close()


async def test_a_limit_in_front_of_the_server_is_reported(
    own_stage: Stage, tab: Page, proxy: Proxy
) -> None:
    """429 of a proxy, which knows nothing of our pages: when to try again, nothing is lost."""
    await customer(own_stage, name="Limited Person", phone="+6281234567890")
    await tab.goto("/app/customers/?search=limited")
    cell = tab.locator("tr", has_text="Limited Person").locator("td[data-label=Phone]")
    await cell.hover()
    await cell.locator(".cell-pencil").click()
    box, toast = cell.locator("[name=phone]"), tab.locator(TOAST)
    await box.fill("+6281111111111")
    async with proxy.limited():
        await box.press("Enter")
        await expect(toast).to_contain_text("Try again in 41 seconds")
        await expect(box).to_have_value("+6281111111111")
        await expect(tab.locator("#list")).not_to_contain_text("nginx")
    await toast.locator("button").click()
    await expect(cell).to_contain_text("+62 811-1111-111")


async def test_a_limited_search_keeps_its_list_and_its_words(
    own_stage: Stage, tab: Page, proxy: Proxy
) -> None:
    await customer(own_stage, name="Seldom Found")
    await customer(own_stage, name="Often Found")
    await tab.goto("/app/customers/")
    async with proxy.limited():
        await tab.fill("main [name=search]", "seldom")
        await expect(tab.locator(TOAST)).to_contain_text("Try again in 41 seconds")
        await expect(tab.locator("main [name=search]")).to_have_value("seldom")
        await expect(tab.locator("#list")).to_contain_text("Often Found")
    await tab.locator(f"{TOAST} button").click()
    await expect(tab.locator("#list")).not_to_contain_text("Often Found")
    await expect(tab.locator("#list")).to_contain_text("Seldom Found")


async def test_a_limited_form_stays_on_its_page(tab: Page, proxy: Proxy) -> None:
    await tab.goto("/app/customers/new/")
    await tab.fill("main [name=name]", "Waits For Its Turn")
    await tab.fill("main [name=email]", "waits@turn.example")
    async with proxy.limited():
        await save(tab)
        await expect(tab.locator(TOAST)).to_contain_text("Try again in 41 seconds")
        await expect(tab.locator("main [name=name]")).to_have_value("Waits For Its Turn")
    await tab.locator(f"{TOAST} button").click()
    await expect(tab).to_have_url(RECORD)


@BOTH
async def test_a_limit_of_a_plugin_is_reported_on_the_form(tab: Page) -> None:
    """429 of the application itself, in a whole page: the form, and when to try again."""
    await tab.goto("/app/devices/new/")
    await tab.fill("main [name=name]", "hurried")
    await save(tab)
    await expect(tab.locator("main")).to_contain_text("Try again in 30 seconds")
    await expect(tab.locator("main [name=name]")).to_have_value("hurried")


async def test_a_limit_of_a_plugin_is_reported_over_a_dialog(tab: Page) -> None:
    await tab.goto("/app/devices/")
    await tab.locator("[hx-get='/app/devices/new/']").first.click()
    await tab.fill("dialog [name=name]", "hurried")
    await tab.locator("dialog form [type=submit]").last.click()
    await expect(tab.locator(TOAST)).to_contain_text("Try again in 30 seconds")
    await expect(tab.locator("dialog [name=name]")).to_have_value("hurried")


ASK = """async (path) => {
  const answer = await fetch(path, { headers: { "hx-request": "true" } });
  const { status, headers } = answer;
  return [status, await answer.text(), headers.get("hx-retarget"), headers.get("x-request-id")];
}"""


async def test_parts_of_pages_tell_the_same(own_stage: Stage, tab: Page) -> None:
    """403, 404 and 500 as answers to htmx: a toast, and the page stays as it is."""
    paths = {403: "/app/settings/", 404: f"/app/customers/{UUID(int=5)}/", 500: "/app/contacts/"}
    await plain_changes(own_stage, "ALTER TABLE customers_contact RENAME TO away")
    try:
        answers = {code: await tab.evaluate(ASK, path) for code, path in paths.items()}
    finally:
        await plain_changes(own_stage, "ALTER TABLE away RENAME TO customers_contact")
    for code, (status, text, target, _number) in answers.items():
        assert status == code
        assert 'class="toast"' in text
        assert "<html" not in text
        assert target == "#toaster"
    assert answers[500][3] in answers[500][1]
