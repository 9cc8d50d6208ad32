"""A customer's history in a real browser: timeline, filters, figures, who gets the credit."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from core.testing.probes import Stage, person
from core.testing.world import Person
from tests.e2e.browser.visiting import NARROW, Site, quiet_tab

AGENT = "Mozilla/5.0 (Linux) Firefox/140.0"
TOWN = "Tarakan"
SLOW = 15_000  # milliseconds; the machine may be busy with other tests


class Story(msgspec.Struct, frozen=True):
    """A customer, the two who looked after her, and her page."""

    id: str
    rina: Person
    budi: Person

    @property
    def page(self) -> str:
        """The address of her history."""
        return f"/app/customers/{self.id}/history/"


async def ask(stage: Stage, who: Person, path: str, method: str = "POST", **body: Any) -> Any:
    answer = await stage.world.ask(who, method, path, body, {"user-agent": AGENT})
    assert answer.status_code < 300, answer.text
    return answer.json()


@pytest.fixture(scope="module")
async def story(stage: Stage) -> Story:
    """Rina makes her a VIP, hands her to Budi, who lets her rest and wins her back."""
    rina = await stage.world.person("staff", name="Rina Rahayu")
    budi = await stage.world.person("staff", name="Budi Santoso")
    born = {"name": "Kartini History", "email": f"{uuid4()}@history.example", "city": "Solo"}
    given = {**born, "salesperson_id": str(rina.id)}
    made = await ask(stage, rina, "/api/customers/", **given)
    path = f"/api/customers/{made['id']}/"
    await ask(stage, rina, path, "PATCH", city=TOWN)
    await ask(stage, rina, f"{path}make_vip/", reason="She orders every week")
    await ask(stage, rina, f"{path}transfer/", salesperson_id=str(budi.id))
    await ask(stage, budi, f"{path}deactivate/", reason="No answer")
    await ask(stage, budi, f"{path}activate/", reason="She called")
    return Story(made["id"], rina, budi)


@pytest.fixture
async def tab(chromium: Browser, site: Site, stage: Stage) -> AsyncIterator[Page]:
    """A tab of an administrator; its scripts say nothing wrong."""
    context = await site.enter(chromium, stage, await person(stage, "admin"))
    async for page in quiet_tab(context):
        yield page


def entry(tab: Page, *words: str) -> Locator:
    """Return the entry of the timeline that holds all these words."""
    found = tab.locator("#timeline .timeline-item")
    for word in words:
        found = found.filter(has_text=word)
    return found


async def test_timeline_tells_with_icons_badges_and_colours(tab: Page, story: Story) -> None:
    """HIS-01 to HIS-04: VIP, activation and transfer, each with who, when, from where and why."""
    await tab.goto(story.page)
    won = entry(tab, "Make VIP")
    await expect(won).to_contain_text("Rina Rahayu")
    await expect(won.locator("time")).to_have_attribute("datetime", re.compile(r"^20\d\d-"))
    await expect(won).to_contain_text("She orders every week")
    await expect(won).to_contain_text("Responsible then: Rina Rahayu")
    await expect(won).to_contain_text("Firefox · Linux")
    await expect(won.locator(".badge", has_text="VIP: yes")).to_be_visible()
    await expect(won.locator(".timeline-icon.tone-success svg")).to_be_visible()
    lost = entry(tab, "Active: no")
    await expect(lost.locator(".timeline-icon.tone-danger svg")).to_be_visible()
    await expect(lost).to_contain_text("Responsible then: Budi Santoso")
    moved = entry(tab, "Handed over")
    await expect(moved.locator(".timeline-icon.tone-warning svg")).to_be_visible()
    await expect(moved.locator("del")).to_have_text("Rina Rahayu")
    await expect(moved.locator("ins")).to_have_text("Budi Santoso")
    colours = await tab.evaluate(
        "() => [...document.querySelectorAll('#timeline .timeline-icon')]"
        ".map((one) => getComputedStyle(one).color)"
    )
    assert len(set(colours)) >= 4, "created, changed, gained, lost and moved look different"


async def test_filters_by_kind_field_person_and_day(tab: Page, story: Story) -> None:
    """HIS-04: the timeline follows each choice without a new page; back restores it."""
    await tab.goto(story.page)
    rows = tab.locator("#timeline .timeline-item")
    await expect(rows).to_have_count(6)
    await tab.select_option("[name=action]", label="Created")
    await expect(rows).to_have_count(1)
    await tab.go_back()
    await expect(rows).to_have_count(6)
    await tab.select_option("[name=by]", label="Budi Santoso")
    await expect(rows).to_have_count(2)
    await expect(tab).to_have_url(re.compile(f"by={story.budi.id}"))
    await tab.get_by_role("link", name="Clear Filters").click()
    await expect(rows).to_have_count(6)
    await tab.select_option("[name=field]", label="VIP")
    await expect(rows).to_have_count(1)
    await tab.goto(f"{story.page}?to=2020-01-01")
    await expect(tab.locator("#timeline")).to_contain_text("No change fits these filters.")


async def test_overview_statistics_and_who_had_her_when(tab: Page, story: Story) -> None:
    """HIS-05 to HIS-08: how she stands, how often what changed, and whose credit it is."""
    await tab.goto(story.page)
    overview = tab.locator("#overview dl > div")
    for label, value in (("VIP", "Yes"), ("Status", "Active"), ("Salesperson", "Budi Santoso")):
        one = overview.filter(has=tab.locator("dt", has_text=re.compile(f"^{label}$")))
        await expect(one.locator("dd")).to_have_text(value)
    figures = tab.locator(".stats .stat")
    for label, number in (("Changes", "6"), ("VIP: changes", "1"), ("Active: changes", "2")):
        one = figures.filter(has=tab.get_by_text(label, exact=True))
        await expect(one).to_contain_text(number)
    hands = tab.locator("#attribution li")
    await expect(hands).to_have_count(2)
    await expect(hands.nth(0)).to_contain_text("Budi Santoso")
    await expect(hands.nth(0)).to_contain_text("today")
    await expect(hands.nth(0)).to_contain_text("Active: regained (1)")
    await expect(hands.nth(1)).to_contain_text("Rina Rahayu")
    await expect(hands.nth(1)).to_contain_text("VIP: gained (1)")
    await tab.locator("#changed a").first.click()
    await expect(tab).to_have_url(re.compile(r"\?field="))


async def test_credit_by_salesperson_as_chart_and_table(tab: Page, story: Story) -> None:
    """HIS-08, HIS-09: the report, and the changes behind each number."""
    await tab.goto("/app/customers/credit/")
    row = tab.locator("#credit-rows tbody tr").filter(has_text="Rina Rahayu")
    await expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    await expect(tab.locator("#credit-chart canvas, #credit-chart svg").first).to_be_visible()
    await row.get_by_role("link").click()
    behind = tab.locator("#behind")
    await expect(behind).to_contain_text("Behind the numbers: Rina Rahayu")
    await expect(behind.get_by_role("link", name="Kartini History").first).to_be_visible()
    await tab.goto("/app/customers/credit/?from=2020-01-01&to=2020-01-31")
    await expect(tab.locator("main")).to_contain_text("Nothing to credit")


async def test_list_has_a_history_button_for_whoever_may(
    chromium: Browser, site: Site, stage: Stage, story: Story
) -> None:
    """HIS-10: all internal users get there from the list; others' customers stay unknown."""
    context = await site.enter(chromium, stage, await person(stage, "staff"))
    page = await context.new_page()
    await page.goto(f"/app/customers/?city={TOWN}")
    row = page.locator("tbody tr").filter(has_text="Kartini History")
    await row.locator(f"a[href='{story.page}']").first.click()
    await expect(page.locator("#timeline")).to_contain_text("VIP: yes")
    await context.close()
    seller = await site.enter(chromium, stage, await person(stage, "seller"))
    page = await seller.new_page()
    answer = await page.goto(story.page)
    assert answer is not None
    assert answer.status == 404
    await seller.close()


async def test_a_value_is_restored_by_a_button_and_that_undone(
    tab: Page, stage: Stage, story: Story
) -> None:
    """Ruling 18: what was put back is itself undone by the message that tells of it."""
    born = {"name": "Other", "email": f"{uuid4()}@history.example", "city": "Solo"}
    made = await ask(stage, story.rina, "/api/customers/", **born)
    await ask(stage, story.rina, f"/api/customers/{made['id']}/", "PATCH", city=TOWN)
    await tab.goto(f"/app/customers/{made['id']}/history/")
    await tab.get_by_role("button", name="Put back: City: Solo").click()
    newest = tab.locator("#timeline .timeline-item").first
    await expect(newest.locator("ins")).to_have_text("Solo")
    await expect(tab.get_by_role("button", name="Put back: City: Solo")).to_have_count(0)
    await tab.get_by_role("button", name="Undo").click()
    await expect(tab.locator("#toaster")).to_contain_text("are as they were", timeout=SLOW)
    await expect(newest.locator("ins")).to_have_text(TOWN)


async def test_log_is_filtered_and_searched(tab: Page, story: Story) -> None:
    """HIS-11: every change of the tenant, by kind of record and by words in it."""
    await tab.goto("/app/log/?entity=customers.customer")
    await tab.fill("[name=q]", TOWN)
    found = tab.locator(".timeline-item").filter(has_text="Kartini History")
    await expect(found.first).to_be_visible()
    await expect(tab.locator(".timeline-item").filter(has_not_text=TOWN)).to_have_count(0)
    await tab.get_by_role("link", name="Sign-ins and security").click()
    await expect(tab.locator("h1")).to_have_text("Audit log")
    await expect(tab.locator("#log")).to_contain_text("Signed in")


async def test_history_fits_a_phone(
    chromium: Browser, site: Site, stage: Stage, story: Story
) -> None:
    """HIS-04: mobile-responsive."""
    who = await person(stage, "admin")
    context = await site.enter(chromium, stage, who, viewport=NARROW)
    page = await context.new_page()
    for path in (story.page, "/app/customers/credit/", "/app/log/", "/app/log/security/"):
        await page.goto(path)
        beside = await page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert beside <= 0, path
    await context.close()
