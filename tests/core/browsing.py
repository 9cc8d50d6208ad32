"""A browser without scripts: it keeps cookies, follows forms, and says where it comes from."""

import re
from typing import Any

import httpx

from tests.core.signing import PASSWORD, Gate, new_address

FIELD = re.compile(r'name="_csrf" value="([^"]+)"')
COOKIE = "crm_session"


class Browser:
    """One browser at one address."""

    def __init__(self, gate: Gate, host: str = "acme.localhost", scheme: str = "http") -> None:
        self.origin = f"{scheme}://{host}"
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(
                app=gate.world.app, raise_app_exceptions=False, client=(new_address(), 4711)
            ),
            base_url=self.origin,
        )

    @property
    def secret(self) -> str | None:
        """The session's cookie."""
        return self.client.cookies.get(COOKIE) or self.client.cookies.get("__Host-crm")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Go to a page."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(path, headers={"sec-fetch-site": "none", **sent})

    async def token(self, path: str) -> str:
        """Return the token of the first form on a page."""
        answer = await self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return FIELD.findall(answer.text)[0]

    async def post(
        self, path: str, form: Any = None, *, page: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send a form as the page at ``page`` (or ``path``) would."""
        given = dict(form or {})
        if "_csrf" not in given:
            given["_csrf"] = await self.token(page or path)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        own = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        return await self.client.post(path, data=given, headers={**own, **sent})

    async def login(self, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        """Fill in the login page and send it."""
        form = {"email": email, "password": password, **more}
        return await self.post("/app/login/", form)

    async def enter(self, email: str, password: str = PASSWORD) -> "Browser":
        """Sign in."""
        answer = await self.login(email, password)
        assert answer.status_code == 303, answer.text
        return self

    async def inside(self) -> bool:
        """Whether this browser is signed in."""
        return (await self.get("/app/")).status_code == 200
