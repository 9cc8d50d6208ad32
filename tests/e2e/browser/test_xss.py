"""Five hundred hostile texts in every text field: pages show them, and nothing of them runs."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser

from core.model.entities import Declaration
from core.testing.pages import sign_in
from core.testing.probes import Stage, Who, person
from core.testing.world import World
from tests.contract.subjects import SERVED, named
from tests.e2e.browser.conftest import serve
from tests.e2e.browser.corpus import SIZE, payloads
from tests.e2e.browser.crawling import surfer
from tests.e2e.browser.reading import Markup
from tests.e2e.browser.visiting import Site, Visitor

FEW, MANY = 5, 60
TEXTS = ("text", "long_text")
PAYLOADS = payloads()


class Planted:
    """The hostile records of each entity, and one harmless one to compare pages with."""

    def __init__(self, site: Site, stage: Stage, who: Who, secret: str) -> None:
        self.site = site
        self.stage = stage
        self.who = who
        self.secret = secret
        self.base = Markup("")
        self.rows: dict[str, list[UUID]] = {}
        self.plain: dict[str, UUID] = {}

    def pages_of(self, entity: Declaration, *, plain: bool = False, few: bool = False) -> list[str]:
        """Return the list in pages, and of each record its page, form and history."""
        base = f"/app/{entity.resource}/"
        ids = [self.plain[entity.name]] if plain else self.rows[entity.name]
        found = []
        if "list" in entity.verbs:
            found = [f"{base}?page_size=200&page={n + 1}" for n in range(-(-len(ids) // 200))]
        if "trash" in entity.verbs:
            found.append(f"{base}trash/")
        # Lists show the whole corpus; all records of an entity come out of the same templates.
        most = FEW if few or plain else MANY
        records = ids[:: 1 + len(ids) // most] if "view" in entity.verbs else []
        for number, id in enumerate(records):
            found.append(f"{base}{id}/")
            found += [f"{base}{id}/history/"] if number < FEW else []
            found += [f"{base}{id}/edit/"] if "update" in entity.verbs else []
        return found


def texts_of(entity: Declaration) -> list[Any]:
    return [
        f
        for f in entity.fields.values()
        if f.kind in TEXTS and not (f.system or f.sql or f.name == "custom")
    ]


async def plant(world: World, entity: Declaration) -> list[UUID]:
    """Insert records whose texts, taken together, are the whole corpus."""
    fields = texts_of(entity)
    if not fields:
        return []
    stride = -(-SIZE // len(fields))
    found = []
    for number in range(stride):
        values: dict[str, Any] = {}
        for place, field in enumerate(fields):
            text = PAYLOADS[(number + place * stride) % SIZE]
            text = f"{number} {text}" if field.unique else text
            values[field.name] = text[: field.max_length or 1000]
        found.append(await world.plant(entity.name, **values))
    return found


@pytest.fixture(scope="module")
async def planted(own_stage: Stage) -> AsyncIterator[Planted]:
    """A site whose records hold the corpus."""
    who = await person(own_stage, "admin")
    async for site in serve(own_stage.world):
        found = Planted(site, own_stage, who, await sign_in(own_stage, who))
        async with surfer(own_stage.world, found.secret) as client:
            for entity in SERVED:
                found.plain[entity.name] = own_stage.anchors[entity.name, "acme", "a"].id
            whole = [
                (await client.get(p)).text for e in SERVED for p in found.pages_of(e, plain=True)
            ]
        found.base = Markup("".join(whole))
        for entity in SERVED:
            found.rows[entity.name] = await plant(own_stage.world, entity)
        yield found


def strange(text: str, base: Markup) -> list[str]:
    """Return elements, attributes and addresses of a page that no template wrote."""
    page = Markup(text)
    found = [f"element {tag}" for tag in page.tags - base.tags]
    found += [f"attribute {name} of {tag}" for tag, name in page.attributes - base.attributes]
    local = ("/", "#", "?", "tel:", "mailto:")
    found += [f"address {a[:60]!r}" for a in page.addresses if not a.startswith(local)]
    return found + [f"address {a[:60]!r}" for a in page.addresses if a.startswith("//")]


@pytest.mark.parametrize("entity", SERVED, ids=named)
async def test_no_text_becomes_markup(planted: Planted, entity: Declaration) -> None:
    """F1: lists, records, forms and histories hold no element that the templates lack."""
    async with surfer(planted.stage.world, planted.secret) as client:
        for path in planted.pages_of(entity):
            answer = await client.get(path)
            assert answer.status_code in (200, 403, 404), path
            assert strange(answer.text, planted.base) == [], path


@pytest.mark.slow
async def test_nothing_of_any_text_runs(planted: Planted, chromium: Browser) -> None:
    """F1: in a browser no payload calls back, opens a dialog or is even refused by the policy."""
    context = await planted.site.stranger(chromium)
    await planted.site.carry(context, planted.secret)
    caught: list[str] = []
    await context.expose_binding("caught", lambda source, *_: caught.append(source["page"].url))
    tab = Visitor(await context.new_page())
    tab.page.on("dialog", lambda dialog: caught.append(dialog.message))
    for entity in SERVED:
        for path in planted.pages_of(entity, few=True):
            await tab.page.goto(planted.site.origin() + path)
            caught += await tab.page.evaluate("window.refusedByPolicy")
    await tab.page.keyboard.press("Control+k")
    await tab.page.keyboard.type("onerror")
    await tab.page.wait_for_timeout(1500)
    await context.close()
    assert caught == []
    # What the next page interrupts is not wrong.
    assert [one for one in tab.wrong if "404" not in one and "ERR_ABORTED" not in one] == []
