"""Two tenants with two sides each; every text and number names its row and field by a token."""

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from core.model.entities import Declaration
from core.model.fields import Field
from core.registry.registry import Registry
from core.testing.samples import sample, token_phone
from core.testing.world import World

TENANTS = ("acme", "globex")
SIDES = ("a", "b")
USER = "core.user"
_WORD = re.compile(r"zq\d{5,}qz")
# Not a part of an id or a hash, where eight digits in a row are chance.
_DIGITS = re.compile(r"(?:(?<=%2B)|(?<![0-9A-Za-z_-]))\d{8,}(?![0-9A-Za-z_]|-[0-9a-f])")
_ENDING = re.compile(r"\.0\b")
_LEAST_NUMBER = 40_000_000
_SHORTEST = 9
_numbers = itertools.count(1)


class Row(msgspec.Struct, kw_only=True):
    """One seeded record: where it stands and what its columns hold."""

    entity: str
    tenant: str
    side: str
    id: UUID
    values: dict[str, Any]
    deleted: bool = False


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """A principal. ``attributes`` are what scopes compare; ``alive`` means they may sign in."""

    name: str
    tenant: str
    side: str = "a"
    roles: tuple[str, ...] = ()
    id: UUID | None = None
    headers: Mapping[str, str] = {}
    attributes: Mapping[str, UUID] = {}
    key_scopes: tuple[str, ...] | None = None
    alive: bool = True


class Spot(msgspec.Struct, frozen=True):
    """What a token names."""

    row: UUID
    entity: str
    field: str


class Stage:
    """The seeded world: its rows by id, and what each token stands for."""

    def __init__(self, world: World, registry: Registry) -> None:
        self.world = world
        self.registry = registry
        self.rows: dict[UUID, Row] = {}
        self.tokens: dict[str, Spot] = {}
        self.planted: list[Row] = []
        # Counts the times at which rows changed that were there before.
        self.revision = 0
        self.anchors: dict[tuple[str, str, str], Row] = {}
        self._sorted: dict[tuple[str, str, bool], list[Row]] = {}
        self._sorted_at = (-1, 0)

    async def plant(
        self, entity: str, tenant: str, side: str, *, deleted: bool = False, **values: Any
    ) -> Row:
        """Insert a record of one side with a token in every field that can hold one."""
        declared = self.registry.entities[entity]
        spots: dict[str, str] = {}
        given = self._links(declared, tenant, side)
        for field in declared.fields.values():
            if not (field.system or field.sql or field.kind == "link"):
                given[field.name] = self._value(field, tenant, spots)
        if deleted:
            given["deleted_at"] = datetime.now(UTC)
        given |= values
        id = await self.world.plant(entity, tenant=tenant, **given)
        row = Row(entity=entity, tenant=tenant, side=side, id=id, values=given, deleted=deleted)
        self.rows[id] = row
        self.planted.append(row)
        self.tokens |= {t: Spot(id, entity, f) for f, t in spots.items() if f not in values}
        return row

    def _links(self, declared: Declaration, tenant: str, side: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in declared.fields.values():
            if field.kind == "link" and not field.system:
                target = self.anchors.get((str(field.target), tenant, side))
                if target is not None and declared.name != USER:
                    found[field.name] = target.id
        return found

    def _value(self, field: Field, tenant: str, spots: dict[str, str]) -> Any:
        number = next(_numbers)
        word, figure = f"zq{number:05d}qz", _LEAST_NUMBER + 2 * number
        most = field.maximum if field.maximum is not None else figure
        made: Any = sample(field, self.world.tenant(tenant), number)
        if field.kind in ("text", "long_text") and (field.max_length or 99) >= _SHORTEST:
            made, spots[field.name] = word, word
        elif field.kind == "email":
            made, spots[field.name] = f"{word}@probe.example", word
        elif field.kind == "tags" and field.name != "roles":
            made, spots[field.name] = [word], word
        elif field.kind == "json":
            made, spots[field.name] = msgspec.json.encode({"note": word}).decode(), word
        elif field.kind == "phone":
            made = token_phone(self.world.tenant(tenant), number)
            spots[field.name] = made[-8:]
        elif field.kind in ("integer", "money", "decimal", "number") and most >= figure:
            made, spots[field.name] = figure, str(figure)
        return made

    async def renew(self) -> None:
        """Read every row again: others may have changed, restored or purged it meanwhile."""
        owner = await self.world.scratch.connect("crm_owner")
        alive: set[UUID] = set()
        for declared in self.registry.entities.values():
            for record in await owner.fetch(f"SELECT * FROM {declared.table}"):
                alive.add(record["id"])
                if (row := self.rows.get(record["id"])) is not None:
                    row.values, row.deleted = dict(record), record["deleted_at"] is not None
        await owner.close()
        self.rows = {id: row for id, row in self.rows.items() if id in alive}
        self.revision += 1
        self.tokens = {t: spot for t, spot in self.tokens.items() if spot.row in alive}

    def tokens_in(self, text: str) -> set[str]:
        """Return every token that stands in ``text``."""
        words = {w for w in _WORD.findall(text) if w in self.tokens}
        # A whole number, whatever its point; the end of a telephone number. Parts of longer
        # numbers do not count: the sum of ten tokens may begin like an eleventh.
        for run in _DIGITS.findall(_ENDING.sub("", text).replace(".", "")):
            words.update(part for part in (run, run[-8:]) if part in self.tokens)
        return words

    def of(self, entity: str, *, tenant: str, deleted: bool = False) -> list[Row]:
        """Return the seeded records of an entity in a tenant."""
        revision, count = self._sorted_at
        if revision != self.revision:
            self._sorted, count = {}, 0
        for row in [*self.rows.values()] if count == 0 else self.planted[count:]:
            self._sorted.setdefault((row.entity, row.tenant, row.deleted), []).append(row)
        self._sorted_at = (self.revision, len(self.planted))
        return self._sorted.get((entity, tenant, deleted), [])


def in_order(registry: Registry) -> Iterator[Declaration]:
    """Yield entities so that each follows those it links to; the user's own links come later."""
    done: set[str] = set()

    def visit(entity: Declaration) -> Iterator[Declaration]:
        if entity.name in done:
            return
        done.add(entity.name)
        for field in entity.fields.values():
            wanted = registry.entities.get(str(field.target))
            if wanted is not None and entity.name != USER and not field.system:
                yield from visit(wanted)
        yield entity

    for entity in registry.entities.values():
        yield from visit(entity)


async def open_stage(world: World, registry: Registry | None = None) -> Stage:
    """Seed both tenants: per side one live and one deleted record of every entity."""
    stage = Stage(world, registry or world.platform.registry)
    for declared in in_order(stage.registry):
        if declared.verbs:
            for tenant, side in itertools.product(TENANTS, SIDES):
                row = await stage.plant(declared.name, tenant, side)
                stage.anchors[declared.name, tenant, side] = row
                await stage.plant(declared.name, tenant, side, deleted=True)
    return stage
