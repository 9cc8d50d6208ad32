"""The page after signing in."""

from litestar.response.base import ASGIResponse

from core.admin.page import Page


async def show_home(page: Page) -> ASGIResponse:
    """Show who is signed in, and where he can go."""
    return page.render("home.html")
