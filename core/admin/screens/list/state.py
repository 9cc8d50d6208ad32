"""What a list shows, as it stands in its address: the back button and shared links restore it."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request

from core.errors import Invalid
from core.model.entities import Declaration

OWN = ("search", "ordering", "page", "page_size", "columns", "view", "where")
# Less than what a redirect may hold.
LONGEST = 1800
SIZES = (10, 25, 50, 100)
# The list without any saved view, where another is what people see first.
EVERYTHING = "all"


class State(msgspec.Struct, frozen=True):
    """Filters are the parameters of REST; ``where`` is a tree of criteria as JSON."""

    resource: str
    search: str = ""
    ordering: str = ""
    page: int = 1
    size: int = 0
    columns: tuple[str, ...] = ()
    view: str = ""
    where: str = ""
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def narrowed(self) -> bool:
        """Whether not everything is shown."""
        return bool(self.search or self.where or self.filters)

    @property
    def plain(self) -> bool:
        """Whether the address says nothing but a view and a page of it."""
        return not (self.narrowed or self.ordering or self.columns)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the parameters, in one order; what is as usual is left out."""
        own = {
            "view": self.view,
            "search": self.search,
            "where": self.where,
            "ordering": self.ordering,
            "columns": ",".join(self.columns),
            "page_size": str(self.size) if self.size else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        return [*self.filters, *((name, text) for name, text in own.items() if text)]

    @property
    def query(self) -> str:
        """The parameters as they stand in an address."""
        return urlencode(self.pairs())

    def href(self, under: str = "", **changed: Any) -> str:
        """Return the address with something changed; whatever else changes, it is page one."""
        changed.setdefault("page", 1)
        query = msgspec.structs.replace(self, **changed).query
        return f"/app/{self.resource}/{under}{'?' if query else ''}{query}"

    def with_filter(self, name: str, text: str) -> "State":
        """Return the state with one filter set anew, or with an empty text without it."""
        rest = tuple(pair for pair in self.filters if pair[0] != name)
        own = ((name, text),) if text else ()
        return msgspec.structs.replace(self, filters=(*rest, *own), page=1)


def read_state(request: Request[Any, Any, Any], entity: Declaration) -> State:
    """Return what the address says; empty fields of a form say nothing."""
    return state_of(entity, request.query_params.multi_items())


def state_of(entity: Declaration, items: Any) -> State:
    """Return the state of parameters; refuses text that no column can hold."""
    own: dict[str, str] = {}
    filters: list[tuple[str, str]] = []
    for name, value in items:
        text = value.strip()
        if "\x00" in name + text or any("\ud800" <= c <= "\udfff" for c in name + text):
            raise Invalid("The address holds unusable text.", code="text")
        if not text:
            continue
        if name in OWN:
            own[name] = text
        else:
            filters.append((name, text))
    found = State(
        resource=entity.resource,
        search=own.get("search", ""),
        ordering=own.get("ordering", ""),
        page=_whole(own.get("page", ""), 1),
        size=_whole(own.get("page_size", ""), 0),
        columns=tuple(n for n in own.get("columns", "").split(",") if n),
        view=own.get("view", ""),
        where=own.get("where", ""),
        filters=tuple(filters),
    )
    if len(found.query) > LONGEST:
        raise Invalid("There are more filters than an address can hold.", code="too_long")
    return found


def _whole(text: str, usual: int) -> int:
    """Return a number out of the address; anything else is as usual."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else usual
