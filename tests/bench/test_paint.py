"""The customer list as a browser gets it: its weight, and its first paint on a slow machine."""

import gzip
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright

from tests.bench.machine import trellis
from tests.bench.prepared import PASSWORD, Prepared, prepare

CHROMIUM = Path("/usr/bin/chromium")
LIST = "/app/customers/?page_size=25"
FILES = re.compile(r'(?:href|src)="(/app/(?:static|brand)/[^"#]+)')
FIELD = re.compile(r'name="_csrf" value="([^"]+)"')
FIRST_PAINT = """() => new Promise((done) => new PerformanceObserver((list) => {
  const found = list.getEntriesByName("first-contentful-paint");
  if (found.length) done(found[0].startTime);
}).observe({ type: "paint", buffered: true }))"""

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A home with more customers than fit on a page."""
    yield from prepare(tmp_path_factory.mktemp("paint"), scale=0.05)


@pytest.fixture(scope="module")
def address(prepared: Prepared) -> Iterator[str]:
    """One worker that serves it, at acme's address."""
    with trellis(prepared.home, prepared.config, workers=1) as found:
        yield found.replace("127.0.0.1", "acme.localhost")


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[httpx.Client]:
    """A member of the staff, signed in by the form."""
    local = address.replace("acme.localhost", "127.0.0.1")
    headers = {"host": address.removeprefix("http://"), "accept-encoding": "gzip"}
    with httpx.Client(base_url=local, headers=headers) as client:
        token = FIELD.findall(client.get("/app/login/").text)[0]
        form = {"email": "staff@acme.example", "password": PASSWORD, "_csrf": token}
        assert client.post("/app/login/", data=form, headers={"origin": address}).status_code == 303
        yield client


def show(name: str, measured: float, target: float, unit: str) -> None:
    """Print one line of the table."""
    verdict = "reached" if measured <= target else "NOT REACHED"
    print(f"\n{name:<52} {measured:8.2f} {unit} (asked <= {target:g}) {verdict}")


def weight(client: httpx.Client, path: str) -> int:
    """Return the bytes of an answer as they go over the wire."""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200, path
        return sum(len(part) for part in answer.iter_raw())


def test_weight_of_the_list(browser: httpx.Client) -> None:
    """Cold: the page with its styles, scripts, font and icons; warm: the page alone."""
    text = browser.get(LIST).text
    files = dict.fromkeys([*FILES.findall(text), *re.findall(r'(/app/static/[^"#]+\.svg)#', text)])
    page, rest = weight(browser, LIST), {path: weight(browser, path) for path in files}
    for path, size in sorted(rest.items(), key=lambda one: -one[1]):
        print(f"\n    {size / 1000:6.1f} kB {path}", end="")
    packed = len(gzip.compress(text.encode(), 6))
    print(f"\n    the page: {page / 1000:.1f} kB as served, {packed / 1000:.1f} kB packed", end="")
    show("customer list, cold", (page + sum(rest.values())) / 1000, 120, "kB")
    show("customer list, warm", page / 1000, 25, "kB")


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's Chromium")
async def test_first_paint_on_a_slow_machine(browser: httpx.Client, address: str) -> None:
    """First contentful paint of the list, nothing cached, at a quarter of the processor."""
    value = next(c.value for c in browser.cookies.jar if c.name == "crm_session")
    spent = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(5):
            context = await chromium.new_context()
            cookie = {"name": "crm_session", "value": value, "url": address}
            await context.add_cookies([cookie])
            page = await context.new_page()
            session = await context.new_cdp_session(page)
            await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            await page.goto(address + LIST)
            spent.append(await page.evaluate(FIRST_PAINT))
            await context.close()
        await chromium.close()
    show("first contentful paint, 4 x slower", statistics.median(spent) / 1000, 1.2, "s")
