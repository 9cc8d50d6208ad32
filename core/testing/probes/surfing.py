"""The pages of the web UI asked as every principal, with a browser's cookie: nothing of another's.

A field that somebody may not see stands in no page, attribute, option or message of an error.
"""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import httpx

from core.admin import csrf
from core.auth.state import auth_of
from core.entities import Declaration
from core.testing.pages import Places, Screen, sign_in
from core.testing.probes.cheats import UNKNOWN
from core.testing.probes.oracle import HISTORY, IN_TRASH
from core.testing.probes.prober import Prober
from core.testing.probes.stage import TENANTS, Row

REFUSED = (403, 404)
PART = re.compile(r'href="([^"?]*\?(?:tab|edit)=[^"&]+)"')
_VOLATILE = (
    re.compile(r'(name="(?:_csrf|csrf|_key)" (?:value|content))="[^"]*"'),
    re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    re.compile(r"\b[0-9a-f]{16,}\b"),
)


class Surfer:
    """One principal in a browser without scripts; what is wrong goes to his prober."""

    def __init__(self, prober: Prober, secret: str) -> None:
        self.prober = prober
        self.places = Places(prober.stage, prober.who.tenant, prober.who.side)
        world, tenant = prober.stage.world, prober.who.tenant
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=world.app, raise_app_exceptions=False),
            base_url=f"http://{tenant}.localhost",
            cookies={"crm_session": secret},
            headers={"sec-fetch-site": "same-origin", "accept": "text/html"},
        )
        self.token = csrf.token(auth_of(world.platform).key, secret)

    async def get(self, path: str) -> httpx.Response:
        """Ask for a page and judge it."""
        answer = await self.client.get(path)
        await self._judge("GET", path, answer)
        return answer

    async def post(self, path: str) -> httpx.Response:
        """Send a form of the session that says nothing; judge what it did."""
        form = {"_csrf": self.token}
        origin = {"origin": str(self.client.base_url)}
        answer = await self.client.post(path, data=form, headers=origin)
        await self._judge("POST", path, answer)
        return answer

    async def _judge(self, method: str, path: str, answer: httpx.Response) -> None:
        self.prober.count += 1
        place = f"{method} {path} {answer.status_code}"
        if answer.status_code >= 500:
            self.prober.blame(f"{place}: the server failed")
        self.prober.canary(place, answer, path)
        await self.prober.nowrite(place, method, answer)

    def rows(self, entity: str) -> list[Row]:
        """Return a record of each kind: live and deleted, of each side and tenant."""
        return [
            row
            for tenant in TENANTS
            for deleted in (False, True)
            for row in self.prober.stage.of(entity, tenant=tenant, deleted=deleted)[:2]
        ]


async def surf(prober: Prober) -> None:
    """Ask every page, for every kind of record, and name every hidden field."""
    surfer = Surfer(prober, await sign_in(prober.stage, prober.who))
    names = _Names(prober)
    screens = await surfer.places.screens()
    await prober.look()
    for screen in screens:
        await _open(surfer, screen, names)
    for entity in prober.stage.registry.entities.values():
        if entity.verbs:
            await _named(surfer, entity)
    await prober.unchanged("the last pages")
    for screen in await surfer.places.screens("POST"):
        await _write(surfer, screen)
    await surfer.client.aclose()


def _right(screen: Screen) -> str:
    return screen.permission.rpartition(".")[2]


def _is_record(screen: Screen) -> bool:
    return bool(screen.entity) and "{id:str}" in screen.route and "/views/" not in screen.route


async def _open(surfer: Surfer, screen: Screen, names: "_Names") -> None:
    """Open a page as it is, then for every kind of record; a foreign one looks like none."""
    answer = await surfer.get(screen.path)
    names.judge(screen.path, answer)
    parts = dict.fromkeys(unescape(link) for link in PART.findall(answer.text))
    for part in parts:
        names.judge(part, await surfer.get(part))
    if not _is_record(screen):
        return
    nothing = _blind(await surfer.get(_of(screen, str(uuid4()))))
    for row in surfer.rows(str(screen.entity)):
        if _may(surfer.prober, screen, row) is not False:
            continue
        answer = await surfer.get(_of(screen, str(row.id)))
        # Who may see the trash is told that the record lies there; others, that there is none.
        differs = not surfer.prober.oracle.knows(surfer.prober.who, row) and (
            _blind(answer) != nothing
        )
        if answer.status_code == 200 or differs:
            surfer.prober.blame(
                f"GET {screen.route} of {row.tenant}/{row.side}: {answer.status_code} differs from"
                " a record that is not there (SAME404)"
            )


def _of(screen: Screen, id: str) -> str:
    """Return the address of the same page for another record."""
    known = screen.path.split("/")[screen.route.split("/").index("{id:str}")]
    return screen.path.replace(known, id)


def _may(prober: Prober, screen: Screen, row: Row) -> bool | None:
    """Return whether the principal may open the page for a record; None where its parts decide."""
    right = _right(screen)
    if not right or right == "signed_in":
        return None
    reaches = prober.oracle.reaches(prober.who, right, row)
    if right == HISTORY:
        return None if reaches else False
    return reaches and row.deleted == (right in IN_TRASH)


def _blind(answer: httpx.Response) -> tuple[int, str]:
    text = answer.text
    for pattern in _VOLATILE:
        text = pattern.sub(lambda found: found[1] if found.lastindex else "-", text)
    return answer.status_code, text


async def _named(surfer: Surfer, entity: Declaration) -> None:
    """Name each hidden field in the address of a list: answered as for a field there is not."""
    prober = surfer.prober
    hidden = [f.name for f in entity.fields.values() if not prober.oracle.sees(prober.who, f)]
    leaf = "%7B%22field%22:%22{}%22,%22op%22:%22is_empty%22%7D"
    ways = ("?{}=1", "?{}__gte=1", "?ordering={}", "?columns={}", "?ordering=-{}", "?where=" + leaf)
    for way in ways if hidden and "list" in entity.verbs else ():
        base = f"/app/{entity.resource}/"
        control = _blind(await surfer.get(base + way.format(UNKNOWN)))
        for name in hidden:
            found = _blind(await surfer.get(base + way.format(name)))
            if found != (control[0], control[1].replace(UNKNOWN, name)):
                prober.blame(f"GET {base}{way.format(name)} differs from an unknown field (E8)")


async def _write(surfer: Surfer, screen: Screen) -> None:
    """Send an empty form to a page of what the principal may not reach: nothing is written."""
    if not _is_record(screen):
        return
    for row in surfer.rows(str(screen.entity)):
        if _may(surfer.prober, screen, row) is False:
            answer = await surfer.post(_of(screen, str(row.id)))
            if answer.status_code < 400:
                surfer.prober.blame(
                    f"POST {screen.route} of {row.tenant}/{row.side}: {answer.status_code}"
                )


class _Names(HTMLParser):
    """Blames the names and labels of fields that a principal sees on no entity."""

    def __init__(self, prober: Prober) -> None:
        super().__init__()
        self.prober = prober
        every = [f for e in prober.stage.registry.entities.values() for f in e.fields.values()]
        seen = [f for f in every if prober.oracle.sees(prober.who, f)]
        unseen = [f for f in every if f not in seen and not f.system]
        self.names = {f.name for f in unseen} - {f.name for f in seen}
        self.labels = {f.label for f in unseen} - {f.label for f in seen}
        words = "|".join(map(re.escape, sorted(self.names))) or "(?!)"
        self._named = re.compile(rf"(?<![A-Za-z0-9_])(?:{words})(?![A-Za-z0-9_])")
        self._place = ""

    def judge(self, path: str, answer: httpx.Response) -> None:
        """Read a page."""
        self._place = f"GET {path} {answer.status_code}"
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.feed(answer.text)
            self.reset()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        """Blame a name in an attribute that carries fields, columns or addresses."""
        for name, value in attrs:
            if name in ("name", "value", "id", "for", "href", "data-field", "data-column"):
                for found in self._named.findall(value or ""):
                    self.prober.blame(f"{self._place}: {tag} {name} tells of {found}")

    def read_text(self, data: str) -> None:
        """Blame a label."""
        if data.strip() in self.labels:
            self.prober.blame(f"{self._place}: shows the label {data.strip()!r}")

    handle_data = read_text  # as the parser calls it
