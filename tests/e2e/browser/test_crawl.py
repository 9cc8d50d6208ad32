"""Every page of every plugin as every role: light, dark, right to left and on a telephone."""

from sys import stdout

import pytest
from playwright.async_api import Browser

from core.testing.pages import PageAddresses, sign_in
from core.testing.probes import Stage, names, person
from core.testing.probes.people import GONE, KEY, STRANGER
from tests.contract.subjects import REGISTRY
from tests.e2e.browser.crawling import Crawl, Pick, surfer
from tests.e2e.browser.visiting import MODES, Site

# Everybody with pages of his own; the other side of a role would only repeat them.
PEOPLE = [n for n in names(REGISTRY) if n not in (KEY, STRANGER, GONE) and n[-2:] != "_b"]


async def test_every_page_is_reached_by_somebody(stage: Stage) -> None:
    """A page that nobody gets to, or whose address nobody knows, would never be looked at."""
    reached: set[str] = set()
    routes: set[str] = set()
    for name in PEOPLE:
        who = await person(stage, name)
        secret = await sign_in(stage, who) if who.id else ""
        async with surfer(stage.world, secret) as client:
            for screen in await PageAddresses(stage).screens():
                routes.add(screen.route)
                if screen.route not in reached:
                    answer = await client.get(screen.path)
                    led = answer.status_code in (302, 303) and who.id is not None
                    if answer.status_code == 200 or led:
                        reached.add(screen.route)
    assert sorted(routes - reached) == []


async def run_crawl(crawl: Crawl, chromium: Browser, *, every: bool) -> None:
    addresses = PageAddresses(crawl.stage)
    pick = Pick(crawl.stage, every=every)
    pick.prepare(await addresses.screens())
    await crawl.over_http(addresses, pick)
    await crawl.in_browser(chromium)
    stdout.write(
        f"\n{crawl.who.name} {crawl.locale}: {crawl.asked} pages,"
        f" {len(crawl.pages)} unlike all before, {crawl.visits} looks "
    )
    assert not crawl.faults, "\n".join(crawl.faults)


@pytest.mark.slow
@pytest.mark.parametrize("locale", MODES)
@pytest.mark.parametrize("name", ["admin"])
async def test_each_kind_of_page_has_no_fault(
    chromium: Browser, site: Site, stage: Stage, name: str, locale: str
) -> None:
    """Of each kind of page the fullest entity's: what changes is seen within minutes."""
    crawl = Crawl(site, stage, await person(stage, name), locale)
    await run_crawl(crawl, chromium, every=False)


@pytest.fixture(scope="session")
def looked() -> dict[str, set[int]]:
    """What a browser has seen in each language, whoever was signed in."""
    return {locale: set() for locale in MODES}


@pytest.mark.crawl
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize(
    "locale", [pytest.param(one, marks=pytest.mark.xdist_group(one)) for one in MODES]
)
async def test_no_page_has_a_fault(
    chromium: Browser,
    site: Site,
    stage: Stage,
    looked: dict[str, set[int]],
    name: str,
    locale: str,
) -> None:
    """100 % of the pages in every mode, as everybody."""
    crawl = Crawl(site, stage, await person(stage, name), locale, looked[locale])
    await run_crawl(crawl, chromium, every=True)
