"""Members of the staff who sign in by the login page, with a password."""

from playwright.async_api import Page

from core.auth.sign_in.changes import STORE_HASH
from core.auth.state import auth_of
from core.testing.world import World

PASSWORD = "correct pony battery"


async def hire(world: World) -> str:
    """Return the e-mail address of a new member of the staff."""
    clerk = await world.person("staff")
    digest = await auth_of(world.platform).passwords.hash(PASSWORD)
    tenant = world.tenant().id
    await world.system().write(lambda unit: unit.execute(STORE_HASH, tenant, clerk.id, digest))
    return clerk.email


async def enter(page: Page, address: str) -> None:
    """Fill in the login page."""
    await page.fill("[name=email]", address)
    await page.fill("[name=password]", PASSWORD)
    await page.locator("form:has([name=password]) [type=submit]").first.click()
