"""The generated forms over HTTP, without scripts: what is typed, refused, saved and kept."""

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("form")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def clerk(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("staff"))


def hidden(text: str) -> dict[str, str]:
    """Return the hidden fields of the page's form."""
    return {unescape(name): unescape(value) for name, value in HIDDEN.findall(text)}


def inside(text: str, name: str) -> str:
    """Return the markup of one field."""
    found = re.search(rf'<div class="field[^>]*>\s*<label for="field-{name}">.*?</div>', text, re.S)
    assert found, f"no field {name}"
    return found[0]


async def fill(browser: Browser, path: str, **typed: str):
    """Open a form, fill in fields and send it."""
    page = await browser.get(path)
    assert page.status_code == 200, page.text
    return await browser.post(path.partition("?")[0], {**hidden(page.text), **typed})


async def test_a_record_is_made_and_changed_by_plain_forms(clerk):
    """Issue: every form works without JavaScript; post, redirect, get."""
    made = await fill(
        clerk, "/app/customers/new/", name="Siti Rahmawati", email="siti@example.com",
        phone="0812 3456 789", tags="north, vip",
    )  # fmt: skip
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    assert re.fullmatch(r"/app/customers/[0-9a-f-]{36}/", path)
    page = await clerk.get(path)
    assert page.status_code == 200
    assert "Siti Rahmawati" in page.text
    assert "+62 812-3456-789" in page.text
    changed = await fill(clerk, f"{path}edit/", city="Bandung")
    assert changed.status_code == 303, changed.text
    assert "Bandung" in (await clerk.get(path)).text
