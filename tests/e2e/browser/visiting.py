"""Visiting pages in a real browser, and noting everything that is wrong with one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from playwright.async_api import Browser, BrowserContext, Page, Response, ViewportSize

from core.testing.pages import sign_in
from core.testing.probes import Stage, Who
from core.testing.world import World

AXE = (Path(__file__).parents[2] / "vendor" / "axe.js").read_text("utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}
# Said before any script of the page: what its policy refuses.
LISTEN = """
window.refusedByPolicy = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refusedByPolicy.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
CHECK = """async ([levels, only, part]) => {
  for (let n = 0; n < 6; n++) {
    await new Promise((done) => requestAnimationFrame(done));
    for (const one of document.getAnimations())  // each may begin those of what lies inside
      if (one.effect.getComputedTiming().endTime < Infinity) one.finish();
  }
  const rules = { "target-size": { enabled: true } };
  const options = only.length ? { runOnly: only } : { runOnly: levels, rules };
  const where = part && document.querySelector(part) || document;
  const found = await axe.run(where, { ...options, resultTypes: ["violations"] });
  return found.violations.map((one) => `${one.id}: ` + one.nodes.slice(0, 4)
    .map((node) => `${node.target} ${node.any.concat(node.all).map((c) => c.message)[0] ?? ""}`)
    .join(" | "));
}"""
MEASURE = """() => {
  const root = document.documentElement;
  const beside = root.scrollWidth - root.clientWidth;
  if (beside <= 0) return [];
  const outside = (box) => box.right > root.clientWidth + 1 || box.left < -1;
  const wide = [...document.querySelectorAll("main *, body > *")]
    .filter((one) => outside(one.getBoundingClientRect()));
  const name = (one) => `${one.tagName.toLowerCase()}#${one.id}.${one.className}`;
  return [`scrolls sideways by ${beside}px: ${wide.slice(0, 3).map(name)}`];
}"""


class Mode(msgspec.Struct, frozen=True):
    """How a page is looked at.

    ``only`` names the rules that can differ from the mode before; ``part`` is where they can,
    since the frame around all screens is judged on the first page of each mode.
    """

    name: str
    scheme: Literal["light", "dark"] = "light"
    narrow: bool = False
    only: tuple[str, ...] = ()
    part: str = ""

    @property
    def size(self) -> ViewportSize:
        """The window."""
        return NARROW if self.narrow else WIDE


# The markup is one for these: colours are all that darkness can break.
LTR = (
    Mode("light"),
    Mode("dark", "dark", only=("color-contrast",), part="main"),
    Mode("360 px", "light", narrow=True, part="main"),
)
RTL = (Mode("rtl", part="main"), Mode("rtl 360 px", "dark", narrow=True, part="main"))
MODES = {"en": LTR, "ar": RTL}


def whole(modes: tuple[Mode, ...]) -> tuple[Mode, ...]:
    """Return the modes for a page whose frame is judged too."""
    return tuple(msgspec.structs.replace(mode, part="") for mode in modes)


class Site:
    """An application at an address of this machine."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.port = port

    def origin(self, tenant: str = "acme") -> str:
        """Return the address of a tenant."""
        return f"http://{tenant}.localhost:{self.port}"

    async def enter(
        self, browser: Browser, stage: Stage, who: Who, locale: str = "en", **options: Any
    ) -> BrowserContext:
        """Return a browser in which somebody is signed in and reads a language."""
        context = await self.stranger(browser, who.tenant, **options)
        likes = {} if locale == "en" else {"locale": locale}
        await self.carry(context, await sign_in(stage, who, likes), who.tenant)
        return context

    async def stranger(
        self, browser: Browser, tenant: str = "acme", **options: Any
    ) -> BrowserContext:
        """Return a browser in which nobody is signed in."""
        wanted = {"reduced_motion": "reduce", "viewport": WIDE, **options}
        context = await browser.new_context(base_url=self.origin(tenant), **wanted)
        context.set_default_timeout(15_000)
        await context.add_init_script(LISTEN)
        return context

    async def carry(self, context: BrowserContext, value: str, tenant: str = "acme") -> None:
        """Put a session's cookie into a browser."""
        cookie = {"name": "crm_session", "value": value, "url": self.origin(tenant)}
        await context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Lax"}])


async def quiet_tab(context: BrowserContext) -> AsyncIterator[Page]:
    """Yield a tab whose scripts say nothing wrong, and leave the browser afterwards."""
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    await context.close()
    assert not wrong


class Visitor:
    """One tab; ``wrong`` collects what its pages complain of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self._expected = ""
        page.on("console", lambda m: self._on_console(m.type, m.text))
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("requestfailed", lambda r: self.wrong.append(f"failed: {r.url} {r.failure}"))
        page.on("response", self._answered)

    def _on_console(self, kind: str, text: str) -> None:
        # Chromium reports a page's own refusal there too; what else was refused is seen below.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.wrong.append(f"console: {text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.url != self._expected:
            self.wrong.append(f"{response.status} {response.url}")

    async def visit(
        self, address: str, modes: tuple[Mode, ...], framed: set[int] | None = None
    ) -> list[str]:
        """Go to a page and check it in each mode; return what is wrong.

        ``framed`` remembers with which statuses the frame around the screens was judged too.
        """
        self.wrong.clear()
        self._expected = address
        await self._look(modes[0])
        response = await self.page.goto(address, wait_until="load")
        assert response is not None
        status = response.status
        modes = modes if framed and status in framed else whole(modes)
        if framed is not None:
            framed.add(status)
        await self.page.evaluate(AXE)
        for mode in modes:
            self.wrong += [f"{mode.name}: {one}" for one in await self._check_mode(mode)]
        refused = await self.page.evaluate("window.refusedByPolicy")
        self.wrong += [f"policy: {one}" for one in refused]
        return [f"{status} {one}" for one in self.wrong]

    async def _look(self, mode: Mode) -> None:
        await self.page.set_viewport_size(mode.size)
        await self.page.emulate_media(color_scheme=mode.scheme)

    async def _check_mode(self, mode: Mode) -> list[str]:
        await self._look(mode)
        rules = [LEVELS, list(mode.only), mode.part]
        faults: list[str] = await self.page.evaluate(CHECK, rules)
        if not mode.only:
            faults += await self.page.evaluate(MEASURE)
        return faults
