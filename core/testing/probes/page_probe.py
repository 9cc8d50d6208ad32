"""The pages of the web UI asked as every principal, with a browser's cookie: nothing of another's.

A field that somebody may not see stands in no page, attribute, option or message of an error.
"""

import re
from html import unescape
from html.parser import HTMLParser
from itertools import product
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from core.admin.session import csrf
from core.auth.state import auth_of
from core.model.entities import Declaration
from core.testing.asgi import AsgiClient, Reply
from core.testing.pages import PageAddresses, Screen, sign_in
from core.testing.probes.dataset import TENANTS, Row
from core.testing.probes.expected_access import HISTORY, IN_TRASH
from core.testing.probes.forged_requests import UNKNOWN
from core.testing.probes.prober import Prober

# What the style page shows is made up: its names are of no entity.
MADE_UP = "/app/styleguide"
PART = re.compile(r'href="([^"?]*\?(tab|edit)=([^"&]+))"')
FORM = {"content-type": "application/x-www-form-urlencoded"}
# As htmx asks for the table of a list.
LIST = {"hx-request": "true", "hx-target": "div#list"}
_VOLATILE = (
    re.compile(r'(name="(?:_csrf|csrf|_key)" (?:value|content))="[^"]*"'),
    re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    re.compile(r"\b[0-9a-f]{16,}\b"),
)


class Surfer:
    """One principal in a browser without scripts; what is wrong goes to their prober."""

    def __init__(self, prober: Prober, secret: str) -> None:
        self.prober = prober
        self.addresses = PageAddresses(prober.stage, prober.who.tenant, prober.who.side)
        world, tenant = prober.stage.world, prober.who.tenant
        self._host = f"{tenant}.localhost"
        self._client = AsgiClient(
            world.app,
            {
                "host": self._host,
                "cookie": f"crm_session={secret}",
                "sec-fetch-site": "same-origin",
                "accept": "text/html",
            },
        )
        self.token = csrf.token(auth_of(world.platform).key, secret)

    async def get(self, path: str, *, part: bool = False) -> Reply:
        """Ask for a page, or for the part of it that a list changes, and judge it."""
        answer = await self._client.request("GET", path, LIST if part else {})
        self._check("GET", path, answer)
        return answer

    async def post(self, path: str) -> Reply:
        """Send a form of the session that says nothing, and judge the answer."""
        form = urlencode({"_csrf": self.token}).encode()
        headers = {"origin": f"http://{self._host}", **FORM}
        answer = await self._client.request("POST", path, headers, form)
        self._check("POST", path, answer)
        return answer

    def _check(self, method: str, path: str, answer: Reply) -> None:
        self.prober.count += 1
        place = f"{method} {path} {answer.status_code}"
        if answer.status_code >= 500:
            self.prober.blame(f"{place}: the server failed")
        self.prober.canary(place, answer, path)

    def rows(self, screen: Screen) -> list[Row]:
        """Return a record of each kind that the principal may not open a page for.

        Of their tenant live and deleted ones of each side, of another one of each; where they lack
        the right no record is looked at, so a foreign one shows it.
        """
        who, entity = self.prober.who, str(screen.entity)
        held = _right(screen) in self.prober.oracle.actions(who, entity)
        found: list[Row] = []
        for tenant, deleted in product(TENANTS, (False, True)):
            kind = self.prober.stage.of(entity, tenant=tenant, deleted=deleted)
            own = tenant == who.tenant
            if held or not (own or deleted):
                found += kind[: 2 if own else 1]
        return [row for row in found if _may(self.prober, screen, row) is False]


async def surf(prober: Prober) -> None:
    """Ask every page, for every kind of record, and name every hidden field."""
    surfer = Surfer(prober, await sign_in(prober.stage, prober.who))
    names = _Names(prober)
    screens = await surfer.addresses.screens()
    await prober.look()
    for screen in screens:
        await _open(surfer, screen, names)
    for entity in prober.stage.registry.entities.values():
        if entity.verbs:
            await _named(surfer, entity)
    await prober.unchanged("the last pages")
    for screen in await surfer.addresses.screens("POST"):
        await _write(surfer, screen)


def _parts(surfer: Surfer, screen: Screen, answer: Reply) -> list[str]:
    """Return the tabs of a record's page, and for each kind of field a place to edit one in."""
    entity = surfer.prober.stage.registry.entities.get(str(screen.entity))
    found: dict[str, str] = {}
    for link, means, name in PART.findall(answer.text):
        field = entity.field(name) if entity is not None and means == "edit" else None
        found.setdefault(name if field is None else f"edit {field.kind}", unescape(link))
    return list(found.values())


def _right(screen: Screen) -> str:
    return screen.permission.rpartition(".")[2]


def _is_record(screen: Screen) -> bool:
    return bool(screen.entity) and "{id:str}" in screen.route and "/views/" not in screen.route


async def _open(surfer: Surfer, screen: Screen, names: "_Names") -> None:
    """Open a page as it is, then for every kind of record; a foreign one looks like none."""
    answer = await surfer.get(screen.path)
    if screen.route != MADE_UP:
        names.check(screen.path, answer)
    for part in _parts(surfer, screen, answer):
        names.check(part, await surfer.get(part))
    if not _is_record(screen):
        return
    nothing = _blind(await surfer.get(_of(screen, str(uuid4()))))
    if answer.status_code == 403 and _blind(answer) != nothing:
        surfer.prober.blame(f"GET {screen.route} differs from a record that is not there (SAME404)")
    for row in surfer.rows(screen):
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


def _blind(answer: Reply) -> tuple[int, str]:
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
    if "list" not in prober.oracle.actions(prober.who, entity.name):
        hidden = hidden[:1]  # the list is refused before its address is read
    for way in ways if hidden and "list" in entity.verbs else ():
        await _alike(surfer, f"/app/{entity.resource}/{way}", hidden[:1], part=False)
        await _alike(surfer, f"/app/{entity.resource}/{way}", hidden[1:], part=True)


async def _alike(surfer: Surfer, path: str, hidden: list[str], *, part: bool) -> None:
    """Name hidden fields in an address: each is answered as a field that there is not."""
    if not hidden:
        return
    control = _blind(await surfer.get(path.format(UNKNOWN), part=part))
    for name in hidden:
        found = _blind(await surfer.get(path.format(name), part=part))
        if found != (control[0], control[1].replace(UNKNOWN, name)):
            surfer.prober.blame(f"GET {path.format(name)} differs from an unknown field (E8)")


async def _write(surfer: Surfer, screen: Screen) -> None:
    """Send an empty form to a page of what the principal may not reach: nothing is written."""
    if not _is_record(screen):
        return
    for row in surfer.rows(screen):
        answer = await surfer.post(_of(screen, str(row.id)))
        if answer.status_code < 400:
            surfer.prober.blame(
                f"POST {screen.route} of {row.tenant}/{row.side}: {answer.status_code}"
            )
    await surfer.prober.unchanged(f"POST {screen.route}")


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

    def check(self, path: str, answer: Reply) -> None:
        """Read a page."""
        self._place = f"GET {path} {answer.status_code}"
        if not answer.headers.get("content-type", "").startswith("text/html"):
            return
        text = unescape(answer.text)
        if self._named.search(text) or any(label in text for label in self.labels):
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
