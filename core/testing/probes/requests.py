"""The routes of an application, and for each a body that would be good."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Litestar

from core.model.entities import Declaration
from core.registry.registry import Action, Registry
from core.rest.route import Route as Row
from core.testing.probes.dataset import Stage, Who
from core.testing.probes.expected_access import Oracle
from core.testing.samples import sample_json

_counter = itertools.count(20_000)
_LAST = datetime(2031, 1, 1, tzinfo=UTC)


class Route(msgspec.Struct, frozen=True):
    """One method of one path, with what its handler declares."""

    method: str
    path: str
    permission: str | None
    entity: str | None
    action: Action | None = None
    public: bool = False

    @property
    def right(self) -> str:
        """The action that the permission names."""
        return (self.permission or "").rpartition(".")[2]

    @property
    def is_page(self) -> bool:
        """Whether people look at the answer; pages take no Authorization."""
        return not self.path.startswith(("/api", "/health"))

    @property
    def has_id(self) -> bool:
        """Whether the path names a record."""
        return "{id:str}" in self.path

    @property
    def ending(self) -> str:
        """What follows the resource: ``/{id:str}/restore``, ``/batch`` or nothing."""
        return "/".join(("", *self.path.strip("/").split("/")[2:])).rstrip("/")

    def address(self, id: object = None, name: str = "core") -> str:
        """Return the path with its parameters filled in."""
        filled = self.path.replace("{id:str}", str(id)).replace("{name:str}", name)
        return filled if filled == "/" else filled.rstrip("/") + "/"


def routes(app: Litestar, registry: Registry) -> list[Route]:
    """Return every route that a client can reach, HEAD beside its GET left out."""
    found: list[Route] = []
    for row in app.state.routes:
        methods = set(row.methods) - {"OPTIONS"}
        methods -= {"HEAD"} if "GET" in methods else set()
        found += [_route(row, method, registry) for method in sorted(methods)]
    return sorted(found, key=lambda r: (r.public, r.permission == "signed_in", r.path, r.method))


def _route(row: Row, method: str, registry: Registry) -> Route:
    entity = row.opt.get("entity")
    action = None
    for declared in registry.actions.get(str(entity), ()):
        if row.path.endswith(f"/{declared.name}"):
            action = declared
    return Route(
        method=method,
        path=row.path,
        permission=row.opt.get("permission"),
        entity=entity,
        action=action,
        public=bool(row.opt.get("public")),
    )


class Bodies:
    """Good bodies for one principal: only what they may write, with links to their own side."""

    def __init__(self, stage: Stage, oracle: Oracle, who: Who) -> None:
        self.stage = stage
        self.oracle = oracle
        self.who = who

    def record(self, entity: Declaration, action: str) -> dict[str, Any]:
        """Return every field that the principal may write; an administrator's if they have none."""
        fields = [
            f
            for f in entity.fields.values()
            if self.oracle.writes(self.who, entity.name, action, f)
        ]
        if not fields:
            admin = msgspec.structs.replace(self.who, roles=("admin",), alive=True, key_scopes=None)
            fields = [
                f
                for f in entity.fields.values()
                if self.oracle.writes(admin, entity.name, action, f)
            ]
        tenant = self.stage.world.tenant(self.who.tenant)
        found: dict[str, Any] = {}
        for field in fields:
            if field.kind == "link":
                anchor = self.stage.anchors.get((str(field.target), self.who.tenant, self.who.side))
                if anchor is not None:
                    found[field.name] = str(anchor.id)
            elif field.kind != "currency":
                found[field.name] = sample_json(field, tenant, next(_counter))
        return found

    def one(self, entity: Declaration) -> dict[str, Any]:
        """Return one plain field that may be changed on many records at once."""
        whole = self.record(entity, "update")
        for name, value in whole.items():
            field = entity.fields[name]
            if not field.unique and field.kind not in ("link", "money", "json"):
                return {name: value}
        return whole

    def of(self, route: Route, ids: Iterable[UUID | str] = ()) -> Any:
        """Return a good body of the route, or None when it takes none."""
        given = [str(id) for id in ids]
        if route.method in ("GET", "HEAD", "DELETE") or route.entity is None:
            return None if route.method in ("GET", "HEAD", "DELETE") else _kernel(route)
        entity = self.stage.registry.entities[route.entity]
        if route.action is not None:
            return _sampled(route.action.values, given) if route.action.values else {}
        return self._generated(route, entity, given)

    def _generated(self, route: Route, entity: Declaration, ids: list[str]) -> Any:
        if route.ending == "" and route.method == "POST":
            return self.record(entity, "create")
        if route.ending == "/batch":
            return {"records": [self.record(entity, "create")]}
        if route.ending == "/bulk":
            return {"set": self.one(entity), "ids": ids or [str(UUID(int=1))]}
        if route.method == "PUT":
            return self.record(entity, "update")
        return self.one(entity) if route.method == "PATCH" else {}


def _kernel(route: Route) -> Any:
    """Return bodies of the kernel's own routes, which no declaration describes."""
    ending = route.path.rpartition("/")[2]
    later = (_LAST + timedelta(days=1)).isoformat()
    known: Mapping[str, Any] = {
        "login": {"email": "nobody@acme.example", "password": "wrong horse battery"},
        "refresh": {"refresh": "crmr_1_nothing"},
        "logout": {},
        "logout_all": {},
        "reset_request": {"email": "nobody@acme.example"},
        "reset_password": {"token": "nothing", "password": "right horse battery"},
        "change_password": {"old_password": "wrong horse", "new_password": "right horse battery"},
        "api-keys": {"name": "probe", "scopes": ["core.user.list"], "expires_at": later},
    }
    return known.get(ending, {})


def _sampled(struct: Any, ids: list[str]) -> dict[str, Any]:
    """Return a body out of a struct's types; a list called ``…_ids`` takes ``ids``."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        if field.encode_name.endswith("_ids"):
            found[field.encode_name] = ids or [str(UUID(int=1))]
        elif field.required or field.default is not None:
            found[field.encode_name] = _value(msgspec.inspect.type_info(field.type))
    return found


def _value(kind: Any) -> Any:
    info = msgspec.inspect
    if isinstance(kind, info.Metadata):
        return _value(kind.type)
    if isinstance(kind, info.UnionType):
        return _value(kind.types[0])
    if isinstance(kind, info.LiteralType):
        return kind.values[0]
    if isinstance(kind, info.EnumType):
        return next(iter(kind.cls)).value
    if isinstance(kind, info.UUIDType):
        return str(UUID(int=1))
    if isinstance(kind, info.StrType):
        return f"sample passphrase {next(_counter)}"
    if isinstance(kind, info.IntType | info.FloatType):
        return max(kind.ge or 2, 2)
    if isinstance(kind, info.BoolType):
        return False
    return [] if isinstance(kind, info.ListType | info.VarTupleType) else None
