"""The crawler: every page by its route, every tab by its link; the same markup only once."""

import re
from collections.abc import Iterator
from sys import stdout
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.async_api import Browser

from core.testing.pages import PageAddresses, Screen, sign_in
from core.testing.probes import Stage, Who
from core.testing.world import World
from tests.e2e.browser.reading import UUID, Markup, content, shape
from tests.e2e.browser.visiting import MODES, Site, Visitor

GOOD = (200, 302, 303)
REFUSED = (403, 404)
# What changes which part of a page is shown; the rest narrows or orders the same.
PARTS = ("tab", "edit")
HTML = "text/html"


def surfer(world: World, secret: str = "", tenant: str = "acme") -> httpx.AsyncClient:
    """Return a client that asks as a browser without scripts does."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=world.app, raise_app_exceptions=False),
        base_url=f"http://{tenant}.localhost",
        headers={"sec-fetch-site": "none", "accept": HTML},
        cookies={"crm_session": secret} if secret else {},
    )


class Crawl:
    """What one person meets in one language; ``faults`` are sentences.

    ``looked`` remembers the markup that a browser has seen in this language: what another person
    was shown in the same words and elements is not looked at again.
    """

    def __init__(
        self, site: Site, stage: Stage, who: Who, locale: str, looked: set[int] | None = None
    ) -> None:
        self.site = site
        self.stage = stage
        self.who = who
        self.locale = locale
        self.faults: list[str] = []
        self.pages: list[str] = []
        self.visits = 0
        self.asked = 0
        self._looked: set[int] = set() if looked is None else looked

    async def over_http(self, addresses: PageAddresses, pick: "Pick") -> None:
        """Ask for every page and for what its links lead to; note what a browser has to see."""
        likes = {} if self.locale == "en" else {"locale": self.locale}
        secret = await sign_in(self.stage, self.who, likes) if self.who.id else ""
        async with surfer(self.stage.world, secret, self.who.tenant) as client:
            waiting = [s.path for s in await addresses.screens() if pick(s)]
            seen = set(waiting)
            while waiting:
                path = waiting.pop(0)
                for link in self._answered(path, await client.get(path)):
                    if link not in seen:
                        seen.add(link)
                        waiting.append(link)

    def _answered(self, path: str, answer: httpx.Response) -> list[str]:
        """Judge one answer; return the links on it that show another part of a page."""
        status, kind = answer.status_code, answer.headers.get("content-type", "")
        if status not in (*GOOD, *REFUSED):
            self._note(f"{path}: {status}")
        if not kind.startswith(HTML) or "<html" not in answer.text:
            return []
        self.asked += 1
        known = hash((status, content(shape(answer.text))))
        if known not in self._looked:
            self._looked.add(known)
            self.pages.append(path)
        return list(_parts(answer.text)) if status == 200 else []

    def _note(self, words: str) -> None:
        """Keep what is wrong, and say it at once: ``-s`` shows it while a long crawl goes on."""
        self.faults.append(words)
        stdout.write(f"{self.who.name} {self.locale} {words}\n")
        stdout.flush()

    async def in_browser(self, browser: Browser) -> None:
        """Look at every page that was noted, in every mode of the language."""
        if self.who.id is None:
            context = await self.site.stranger(browser, locale=self.locale)
        else:
            context = await self.site.enter(browser, self.stage, self.who, self.locale)
        tab = Visitor(await context.new_page())
        frames: set[int] = set()
        for path in self.pages:
            modes = MODES[self.locale]
            wrong = await tab.visit(self.site.origin(self.who.tenant) + path, modes, frames)
            self.visits += len(modes)
            for one in wrong:
                self._note(f"{path}: {one}")
        await context.close()


class Pick:
    """Which pages of all are crawled: all, or of each kind those of the fullest entity."""

    def __init__(self, stage: Stage, *, every: bool) -> None:
        self.every = every
        entities = [e for e in stage.registry.entities.values() if e.verbs]
        self._fullest = sorted(entities, key=lambda e: (-len(e.fields), e.name))
        self._kinds: set[str] = set()
        self._chosen: dict[str, str] = {}

    def prepare(self, screens: list[Screen]) -> None:
        """Choose, for each kind of screen, the entity that shows most."""
        order = {e.name: place for place, e in enumerate(self._fullest)}
        for screen in screens:
            kind, now = kind_of(screen), self._chosen.get(kind_of(screen))
            if now is None or order.get(str(screen.entity), 99) < order.get(now, 99):
                self._chosen[kind] = str(screen.entity)

    def __call__(self, screen: Screen) -> bool:
        return self.every or self._chosen.get(kind_of(screen)) == str(screen.entity)


def kind_of(screen: Screen) -> str:
    """Return the route without the entity's own word: what its siblings have in common."""
    if screen.entity is None:
        return screen.route
    return re.sub(r"^/app/[^/]+", "/app/…", screen.route)


def _parts(text: str) -> Iterator[str]:
    """Yield the links of a page to its other parts, one per part."""
    found: dict[tuple[str, ...], str] = {}
    for link in Markup(text).links:
        parts = urlsplit(link)
        query = parse_qs(parts.query)
        if (
            parts.path.startswith("/app/")
            and len(query) == 1
            and (name := next(iter(query))) in PARTS
        ):
            value = query[name][0] if name == "tab" else ""
            found.setdefault((UUID.sub("ID", parts.path), name, value), link)
    yield from found.values()
