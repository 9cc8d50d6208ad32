"""Source 004's manual script in a real browser, step by step: sections 3 to 11, and its errors.

TST-02; ADM-03 to ADM-09. Every test has customers of a town of its own.
"""

import re
from collections.abc import AsyncIterator
from itertools import count

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from core.testing.probes import Stage, Who, person
from core.testing.world import Person
from tests.e2e.browser.visiting import Site, quiet_tab

LIST = "/app/customers/"
TIERS = {"Bronze": 0, "Silver": 100, "Gold": 500, "Platinum": 1000}
_towns = count(1)
_mails = count(1)


@pytest.fixture(scope="module")
async def staff(stage: Stage) -> Who:
    """Somebody of the staff: the script's administrator needs no more."""
    return await person(stage, "staff")


@pytest.fixture
async def tab(chromium: Browser, site: Site, stage: Stage, staff: Who) -> AsyncIterator[Page]:
    """A tab in which he is signed in; its scripts say nothing wrong."""
    context = await site.enter(chromium, stage, staff)
    async for page in quiet_tab(context):
        yield page


class Town:
    """Its customers, as the API makes them, and their list."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.name = stage, name
        self._person: Person | None = None

    @property
    def list(self) -> str:
        """The address of the list of this town's customers."""
        return f"{LIST}?city={self.name.replace(' ', '+')}&ordering=name"

    async def settle(self, name: str, **values: object) -> str:
        """Make a customer; return the id."""
        email = f"script{next(_mails)}@source.example"
        body = {"name": name, "email": email, "city": self.name, **values}
        points = body.pop("points", 0)
        made = await self.ask("POST", "/api/customers/", body)
        if points:
            given = {"points": points, "reason": "start"}
            await self.ask("POST", f"/api/customers/{made['id']}/update_points/", given)
        return str(made["id"])

    async def stats(self) -> dict[str, int]:
        """Return the figures of all customers; who has written sees them as they are now."""
        return await self.ask("GET", "/api/customers/stats/")  # type: ignore[return-value]

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Return what the API says."""
        self._person = self._person or await self.stage.world.person("staff")
        answer = await self.stage.world.ask(self._person, method, path, body)
        assert answer.status_code < 300, answer.text
        found: dict[str, object] = answer.json()
        return found


@pytest.fixture
def home(stage: Stage) -> Town:
    """The town of a test, where nobody else lives."""
    return Town(stage, f"Sabang {next(_towns)}")


def row(page: Page, name: str) -> Locator:
    """Return the row of a customer."""
    return page.locator("tbody tr", has=page.get_by_text(name, exact=True))


def deed(page: Page, name: str, label: str) -> Locator:
    """Return one of a row's actions."""
    return row(page, name).locator(".row-menu").get_by_text(label, exact=True).locator("..")


async def figure(page: Page, label: str, number: object) -> None:
    """Wait until a card over the list says a number."""
    card = page.locator("#figures .stat", has=page.get_by_text(label, exact=True))
    await expect(card.locator(".stat-value")).to_have_text(f"{number:,}")


async def expect_toast(page: Page, words: str) -> None:
    """Wait for a success message, and for the dialog to be gone."""
    await expect(page.locator(".toast", has_text=words)).to_be_visible()
    await expect(page.locator("dialog:modal")).to_have_count(0)


async def test_3_statistics_are_coloured_cards_with_icons(tab: Page, home: Town) -> None:
    """ADM-03, ADM-09: the sidebar leads here; total, active, points: each as the API counts."""
    await home.settle("Figures Fitri", points=120)
    stats = await home.stats()
    await tab.goto("/app/")
    await tab.get_by_role("navigation").get_by_role("link", name="Customers").first.click()
    await expect(tab).to_have_url(re.compile(r"/app/customers/$"))
    await figure(tab, "Total customers", stats["total_customers"])
    await figure(tab, "Active customers", stats["active_customers"])
    await figure(tab, "Total loyalty points", stats["total_loyalty_points"])
    icons = tab.locator("#figures .stat-icon")
    await expect(icons.locator("svg")).to_have_count(4)
    colours = await icons.evaluate_all("all => all.map(one => getComputedStyle(one).color)")
    assert len(set(colours)) == 4


async def test_4_table_has_the_columns_badges_and_pages(tab: Page, home: Town) -> None:
    """ADM-05, ADM-06: columns in order, a colour for each tier and state, pages of ten."""
    for name, points in TIERS.items():
        await home.settle(f"{name} Putri", points=points, phone="+6281234567890")
    await home.settle("Sleeping Sri", is_active=False)
    await tab.goto(home.list)
    await expect(tab.locator("thead th")).to_have_text(
        ["Select All", "Name", "Phone", "Tier", "Points", "Orders", "Status", "Actions"]
    )
    gold = row(tab, "Gold Putri")
    await expect(gold.locator("td[data-primary]")).to_contain_text("@source.example")
    await expect(gold).to_contain_text("+62 812-3456-7890")
    for label in ("Edit", "Points", "History", "Delete"):
        await expect(deed(tab, "Gold Putri", label)).to_be_visible()
    for tier in TIERS:
        badge = row(tab, f"{tier} Putri").locator(".badge", has_text=tier)
        await expect(badge).to_have_class(re.compile(f"tone-{tier.lower()}"))
    await expect(gold.locator(".badge", has_text="Active")).to_have_class(re.compile("success"))
    asleep = row(tab, "Sleeping Sri").locator(".badge", has_text="Inactive")
    await expect(asleep).to_have_class(re.compile("danger"))
    for place in range(7):
        await home.settle(f"Tenth {place}")
    await tab.goto(f"{home.list}&page_size=10")
    await expect(tab.locator("tbody tr")).to_have_count(10)
    await tab.get_by_role("link", name="Next").click()
    await expect(tab.locator("tbody tr")).to_have_count(2)


async def test_5_search_filters_and_clear(tab: Page, home: Town) -> None:
    """ADM-04: search by itself or by Enter, loyalty level, status, Clear Filters."""
    await home.settle("Searched Sinta", points=600)
    await home.settle("Silver Surya", points=150)
    await home.settle("Gone Galih", is_active=False)
    await tab.goto(home.list)
    rows = tab.locator("tbody tr")
    search = tab.locator("[data-search]")
    await search.press_sequentially("searched sin", delay=20)
    await expect(rows).to_have_count(1)
    await search.fill("surya")
    await search.press("Enter")
    await expect(row(tab, "Silver Surya")).to_be_visible()
    await expect(rows).to_have_count(1)
    await tab.goto(home.list)
    level = tab.get_by_label("Loyalty level")
    await expect(level.locator("option")).to_have_text(["All", *TIERS])
    await level.select_option(label="Gold")
    await expect(rows).to_have_count(1)
    await expect(row(tab, "Searched Sinta")).to_be_visible()
    await level.select_option(label="All")
    await expect(rows).to_have_count(3)
    status = tab.locator("#filter-is_active")
    await expect(tab.locator("label", has=status).locator("span")).to_have_text("Status")
    await expect(status.locator("option")).to_have_text(["All", "Active", "Inactive"])
    await status.select_option(label="Active")
    await expect(rows).to_have_count(2)
    await tab.get_by_text("Clear Filters").click()
    await expect(tab).to_have_url(re.compile(r"/app/customers/\?ordering=name$"))
    await expect(status).to_have_value("")
    await expect(tab.locator(".chip")).to_have_count(0)


async def test_6_customer_is_created_in_a_dialog(tab: Page, home: Town) -> None:
    """ADM-07: the form of the script; the dialog closes, the message, row and figures are there."""
    await home.settle("First Fajar")
    await tab.goto(home.list)
    before = (await home.stats())["total_customers"]
    await tab.get_by_role("link", name="Add Customer").click()
    dialog = tab.get_by_role("dialog", name="Add Customer")
    filled = {
        "name": "Test Customer",
        "email": f"test{next(_mails)}@source.example",
        "phone": "08123456789",
        "address": "Test Address",
        "city": home.name,
        "province": "DKI Jakarta",
        "postal_code": "12345",
    }
    await expect(dialog.locator("[name=name]")).to_be_focused()
    for name, text in filled.items():
        await dialog.locator(f"[name={name}]").fill(text)
    await dialog.get_by_role("button", name="Create Customer").click()
    await expect_toast(tab, "Customer created")
    await expect(row(tab, "Test Customer")).to_be_visible()
    await figure(tab, "Total customers", before + 1)
    await expect(tab).to_have_url(re.compile(re.escape(home.list) + "$"))


async def test_7_customer_is_updated_in_a_dialog(tab: Page, home: Town) -> None:
    """ADM-07: what was changed stands in the table; the focus is back on the button."""
    await home.settle("Before Bima")
    await tab.goto(home.list)
    await deed(tab, "Before Bima", "Edit").click()
    dialog = tab.get_by_role("dialog", name="Edit Before Bima")
    await dialog.locator("[name=name]").fill("After Bima")
    await dialog.get_by_role("button", name="Update Customer").click()
    await expect_toast(tab, "Customer updated")
    await expect(row(tab, "After Bima")).to_be_visible()
    await expect(row(tab, "Before Bima")).to_have_count(0)
    await expect(deed(tab, "After Bima", "Edit")).to_be_focused()


async def test_8_points_are_added_and_deducted(tab: Page, home: Town) -> None:
    """ADM-07: points, tier badge and figure follow; a missing number is told beside it."""
    await home.settle("Pointed Putu", points=480)
    await tab.goto(home.list)
    before = (await home.stats())["total_loyalty_points"]
    await deed(tab, "Pointed Putu", "Points").click()
    dialog = tab.get_by_role("dialog", name="Update Points")
    await dialog.get_by_role("button", name="Update Points").click()
    await expect(dialog.locator(".field", has=tab.locator("[name=points]"))).to_contain_text(
        "required"
    )
    await dialog.locator("[name=points]").fill("50")
    await dialog.locator("[name=reason]").fill("Birthday bonus")
    await dialog.get_by_role("button", name="Update Points").click()
    await expect_toast(tab, "Points updated")
    await expect(row(tab, "Pointed Putu").locator(".badge", has_text="Gold")).to_be_visible()
    await expect(row(tab, "Pointed Putu")).to_contain_text("530")
    await figure(tab, "Total loyalty points", before + 50)
    await deed(tab, "Pointed Putu", "Points").click()
    await dialog.locator("[name=points]").fill("-100")
    await dialog.locator("[name=points]").press("Enter")
    await expect(row(tab, "Pointed Putu").locator(".badge", has_text="Silver")).to_be_visible()


async def test_9_customer_is_deleted_after_a_question(tab: Page, home: Town) -> None:
    """ADM-07: confirmation, message, gone from the table, one less; Undo brings it back."""
    await home.settle("Leaving Lina")
    await home.settle("Staying Santi")
    await tab.goto(home.list)
    before = (await home.stats())["total_customers"]
    await deed(tab, "Leaving Lina", "Delete").click()
    dialog = tab.get_by_role("dialog", name="Delete Customer")
    await expect(dialog).to_contain_text("Leaving Lina goes to the trash")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(row(tab, "Leaving Lina")).to_be_visible()
    await deed(tab, "Leaving Lina", "Delete").click()
    await dialog.get_by_role("button", name="Delete Customer").click()
    await expect_toast(tab, "1 customer deleted")
    await expect(row(tab, "Leaving Lina")).to_have_count(0)
    await figure(tab, "Total customers", before - 1)
    await tab.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(row(tab, "Leaving Lina")).to_be_visible()


async def test_10_selected_customers_are_switched(tab: Page, home: Town) -> None:
    """ADM-08: a number that follows, Select All, Activate Selected, Deactivate Selected."""
    for place in range(4):
        await home.settle(f"Many {place}", is_active=False)
    await tab.goto(home.list)
    bar = tab.locator(".bulk-bar")
    await row(tab, "Many 0").locator(".cell-select input").check()
    await expect(bar).to_contain_text("1 customer selected")
    for place in (1, 2):
        await row(tab, f"Many {place}").locator(".cell-select input").check()
    await expect(bar).to_contain_text("3 customers selected")
    await bar.get_by_role("button", name="Activate Selected", exact=True).click()
    await expect_toast(tab, "3 customers updated")
    badges = tab.locator("tbody .badge")
    await expect(badges.get_by_text("Active", exact=True)).to_have_count(3)
    await expect(bar).to_be_hidden()
    await tab.get_by_label("Select All").check()
    await expect(bar).to_contain_text("4 customers selected")
    await bar.get_by_role("button", name="Deactivate Selected").click()
    await expect(badges.get_by_text("Inactive", exact=True)).to_have_count(4)


async def test_11_mistakes_stand_beside_their_fields(tab: Page, home: Town) -> None:
    """ADM-07, TST-02 "Invalid Data": required, taken and wrong; what was typed stays."""
    taken = f"taken{next(_mails)}@source.example"
    await home.settle("Taken Tari", email=taken)
    await tab.goto(home.list)
    await tab.get_by_role("link", name="Add Customer").click()
    dialog = tab.get_by_role("dialog", name="Add Customer")
    name, email = dialog.locator("[name=name]"), dialog.locator("[name=email]")
    create = dialog.get_by_role("button", name="Create Customer")
    await email.fill(taken)
    await create.click()
    await expect(dialog.locator("#field-name-error")).to_contain_text("Name is required")
    await expect(name).to_be_focused()
    await expect(email).to_have_value(taken)
    await name.fill("Taken Twin")
    await create.click()
    await expect(dialog.locator("#field-email-error")).to_contain_text("There is one with this")
    await expect(email).to_be_focused()
    await email.fill("test@")
    await create.click()
    await expect(dialog.locator("#field-email-error")).to_contain_text("not an e-mail address")
    await expect(name).to_have_value("Taken Twin")
    await email.fill(f"free{next(_mails)}@source.example")
    await dialog.locator("[name=city]").fill(home.name)
    await create.click()
    await expect_toast(tab, "Customer created")
    await expect(row(tab, "Taken Twin")).to_be_visible()


async def test_escape_closes_and_the_focus_returns(tab: Page, home: Town) -> None:
    await home.settle("Escaping Eka")
    await tab.goto(home.list)
    for opener in (
        tab.get_by_role("link", name="Add Customer"),
        deed(tab, "Escaping Eka", "Edit"),
        deed(tab, "Escaping Eka", "Points"),
        deed(tab, "Escaping Eka", "Delete"),
    ):
        await opener.focus()
        await tab.keyboard.press("Enter")
        await expect(tab.locator("dialog:modal")).to_have_count(1)
        await tab.keyboard.press("Escape")
        await expect(tab.locator("dialog:modal")).to_have_count(0)
        await expect(opener).to_be_focused()


async def test_13_network_error_is_reported_and_nothing_typed_is_lost(
    tab: Page, home: Town
) -> None:
    """ADM-09, TST-02 "Network Error": a message with a way to try again, in dialog and list."""
    await home.settle("Offline Oki")
    await tab.goto(home.list)
    await tab.get_by_role("link", name="Add Customer").click()
    dialog = tab.get_by_role("dialog", name="Add Customer")
    await dialog.locator("[name=city]").fill(home.name)
    await dialog.locator("[name=email]").fill(f"off{next(_mails)}@source.example")
    await dialog.locator("[name=name]").fill("Patient Pandu")
    await tab.context.set_offline(True)
    await dialog.get_by_role("button", name="Create Customer").click()
    toast = tab.locator(".toast", has_text="The server could not be reached.").first
    await expect(toast).to_be_visible()
    await expect(dialog.locator("[name=name]")).to_have_value("Patient Pandu")
    await tab.context.set_offline(False)
    await toast.get_by_role("button", name="Try again").click()
    await expect_toast(tab, "Customer created")
    await expect(row(tab, "Patient Pandu")).to_be_visible()
    await tab.goto(home.list)
    await tab.context.set_offline(True)
    await tab.locator("[data-search]").fill("offline")
    await expect(toast).to_be_visible()
    await tab.context.set_offline(False)
    await toast.get_by_role("button", name="Try again").click()
    await expect(tab.locator("tbody tr")).to_have_count(1)
    await expect(tab.locator("[data-search]")).to_have_value("offline")


async def test_13_who_is_signed_out_comes_back_after_login(chromium: Browser, site: Site) -> None:
    """TST-02 "Unauthorized Access": /customers leads to the login page, and from there back."""
    context = await site.stranger(chromium)
    page = await context.new_page()
    await page.goto("/customers")
    await expect(page).to_have_url(re.compile(r"/app/login/\?next=%2Fapp%2Fcustomers"))
    await expect(page.locator("[name=password]")).to_be_visible()
    await context.close()


async def test_empty_list_helps_and_waiting_shows(tab: Page, home: Town) -> None:
    """ADM-09: helpful words where nothing is found; bones after 300 ms, not before."""
    await tab.goto(home.list)
    await expect(tab.locator(".empty")).to_contain_text("Nothing matches")
    await home.settle("Slow Sari")
    await tab.goto(home.list)

    async def late(route: Route) -> None:
        await tab.wait_for_timeout(1200)
        await route.continue_()

    await tab.route(re.compile(r"search=slow"), late)
    await tab.locator("[data-search]").fill("slow")
    await expect(tab.locator("#list")).to_have_attribute("aria-busy", "true")
    bone = (
        "getComputedStyle(document.querySelector('tbody td[data-primary]'), '::after').visibility"
    )
    assert await tab.evaluate(bone) == "hidden"
    await tab.wait_for_timeout(500)
    assert await tab.evaluate(bone) == "visible"
    await expect(tab.locator("#list")).not_to_have_attribute("aria-busy", "true")
    await expect(row(tab, "Slow Sari")).to_be_visible()


async def test_cell_is_left_by_escape_and_saved_inline(tab: Page, home: Town) -> None:
    """To give up asks nobody; what is saved is shown without loading the page again."""
    await home.settle("Inline Indra", phone="+6281234567890")
    await tab.goto(home.list)
    await tab.evaluate("window.same = true")
    asked: list[str] = []
    cell = row(tab, "Inline Indra").locator("td[data-label=Phone]")
    box = cell.locator("[name=phone]")
    await cell.hover()
    await cell.locator(".cell-pencil").click()
    await expect(box).to_be_focused()
    tab.on("request", lambda request: asked.append(request.url))
    await box.fill("+6281111111111")
    await box.press("Escape")
    await expect(cell).to_contain_text("+62 812-3456-7890")
    await expect(cell.locator(".cell-pencil")).to_be_focused()
    assert asked == []
    await tab.keyboard.press("Enter")
    await box.fill("+6281299998888")
    await box.press("Enter")
    await expect(cell).to_contain_text("+62 812-9999-8888")
    await expect(cell.locator(".cell-pencil")).to_be_focused()
    assert await tab.evaluate("window.same")


async def test_phone_has_the_same_steps(
    chromium: Browser, site: Site, stage: Stage, staff: Who, home: Town
) -> None:
    """ADM-09: at 360 px a row has its actions in a menu; Select All is there, the form fits."""
    await home.settle("Narrow Nia")
    narrow = {"viewport": {"width": 360, "height": 740}}
    context = await site.enter(chromium, stage, staff, **narrow)
    page = await context.new_page()
    await page.goto(home.list)
    await page.get_by_text("Select All").click()
    await expect(page.locator(".bulk-bar")).to_contain_text("1 customer selected")
    await page.get_by_role("button", name="Actions for Narrow Nia").click()
    await deed(page, "Narrow Nia", "Edit").click()
    dialog = page.get_by_role("dialog", name="Edit Narrow Nia")
    await dialog.locator("[name=name]").fill("Narrow Nina")
    await dialog.get_by_role("button", name="Update Customer").click()
    await expect_toast(page, "Customer updated")
    await expect(row(page, "Narrow Nina")).to_be_visible()
    beside = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(beside) <= 0
    await context.close()
