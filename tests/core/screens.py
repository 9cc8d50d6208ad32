"""What the tests of generated screens share: forms read and filled in as a browser does."""

import re
from html import unescape
from typing import Any
from uuid import UUID

import httpx

from core.testing.world import World
from tests.core.browsing import Browser
from tests.core.signing import Gate

INPUT = re.compile(r"<(input|textarea|select)\b([^>]*)>(.*?)(?=<)", re.S)
ATTRIBUTE = re.compile(r'([\w:-]+)(?:="([^"]*)")?')
FORM = re.compile(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.S)
PART = re.compile(r'class="field[" ]')
OPTION = re.compile(r'<option value="([^"]*)"( selected)?>')


def fields(text: str, action: str) -> dict[str, str]:
    """Return what a browser would send of the form that posts to ``action``, untouched."""
    found: dict[str, str] = {}
    for target, body in FORM.findall(text):
        if unescape(target) != action:
            continue
        for tag, attributes, content in INPUT.findall(body):
            given = {name: unescape(value) for name, value in ATTRIBUTE.findall(attributes)}
            if "name" not in given or "disabled" in given:
                continue
            name = given["name"]
            if tag == "textarea":
                found[name] = unescape(content).removeprefix("\n")
            elif tag == "select":
                options = body[body.index(f'name="{name}"') :].partition("</select>")[0]
                chosen = OPTION.findall(options)
                pick = next((v for v, on in chosen if on), chosen[0][0] if chosen else "")
                found[name] = unescape(pick)
            elif given.get("type") in ("checkbox", "radio"):
                if "checked" in given:
                    found[name] = given.get("value", "on")
            else:
                found[name] = given.get("value", "")
        return found
    raise AssertionError(f"no form posts to {action}")


def part(text: str, name: str) -> str:
    """Return the markup around the control of a field: label, control, help, mistake."""
    place = text.index(f'id="field-{name}"')
    starts = [found.start() for found in PART.finditer(text)]
    end = next((start for start in starts if start > place), text.index("</form>", place))
    return text[max(start for start in starts if start < place) : end]


async def fill(browser: Browser, path: str, *, action: str = "", **typed: str) -> httpx.Response:
    """Open a form, fill in some of its fields and send it."""
    page = await browser.get(path)
    assert page.status_code == 200
    return await send(browser, page, action or path.partition("?")[0], **typed)


async def send(browser: Browser, page: httpx.Response, action: str, **typed: str) -> httpx.Response:
    """Send the form of a page that posts to ``action``."""
    return await browser.post(action, {**fields(page.text, action), **typed})


async def clerk(gate: Gate, *roles: str, tenant: str = "acme", **columns: Any) -> Browser:
    """Return the browser of a new user with ``roles``; ``columns`` are set on him."""
    email = await gate.user(*roles, tenant=tenant)
    for name, value in columns.items():
        await gate.world.system(tenant).write(
            lambda unit, n=name, v=value: unit.execute(
                f"UPDATE core_user SET {n} = $2 WHERE tenant_id = $1 AND email = $3",
                gate.world.tenant(tenant).id,
                v,
                email,
            )
        )
    return await Browser(gate, f"{tenant}.localhost").enter(email)


async def customer(world: World, **values: Any) -> UUID:
    """Make a customer past the screens; return his id."""
    return await world.plant("customers.customer", **values)
