"""An entry as one caller may see it: the fields visible to them, in the form of the records."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from core.audit.entries import USER, People
from core.model.conversion import from_database
from core.model.entities import HISTORY, Declaration
from core.model.fields import Field
from core.runtime.context import Context

_REQUEST_FIELDS, _ORIGIN_FIELDS = ("method", "route", "operation"), ("address", "user_agent")


class HistoryView:
    """What a caller sees of the history of one entity."""

    def __init__(self, ctx: Context, entity: Declaration) -> None:
        self.ctx = ctx
        self.entity = entity
        visible = ctx.rights.visible(entity.name)
        # The action says what happened to deleted_at.
        self.fields = {
            name: field
            for name, field in entity.fields.items()
            if name in visible and name != "deleted_at"
        }
        responsible = entity.field(entity.responsible) if entity.responsible else None
        self.shows_responsible = responsible is not None and responsible.name in visible
        self.credit_fields = [name for name in entity.credit if name in self.fields]
        # Only people who see all records see from where others work.
        self.shows_origins = ctx.rights.scopes(entity.name, HISTORY) == ("all",)

    @property
    def field_names(self) -> list[str]:
        """The fields whose changes the caller may see."""
        return sorted(self.fields)

    def changes(self, record: asyncpg.Record) -> dict[str, list[Any]]:
        """Return the visible changes of an entry as they are stored: name → [old, new]."""
        found = record["changes"] or {}
        return {name: pair for name, pair in found.items() if name in self.fields}

    def people_ids(self, record: asyncpg.Record) -> Iterator[Any]:
        """Yield the ids of all people whom an entry names."""
        yield record["principal_id"]
        if self.shows_responsible:
            yield record["responsible_id"]
        for name, pair in self.changes(record).items():
            if self._is_user_link(self.fields[name]):
                yield from pair

    def render(self, record: asyncpg.Record, people: People, currency: str) -> dict[str, Any]:
        """Return an entry as it is answered; ``currency`` is that of the record's amounts."""
        answer = {
            "id": record["id"],
            "at": record["at"],
            "action": record["action"],
            "entity": record["entity"],
            "record_id": record["record_id"],
            "changes": [
                self._change(self.fields[name], pair, people, currency)
                for name, pair in sorted(self.changes(record).items())
            ],
            "by": _author(record, people),
            "request": {
                "id": record["request_id"],
                **{
                    name: record[name]
                    for name in (*_REQUEST_FIELDS, *(_ORIGIN_FIELDS if self.shows_origins else ()))
                },
            },
            "reason": record["reason"],
        }
        if self.shows_responsible:
            answer["responsible"] = person(record["responsible_id"], people)
        return answer

    def _change(
        self, field: Field, pair: list[Any], people: People, currency: str
    ) -> dict[str, Any]:
        old, new = (self._value(field, value, currency) for value in pair)
        change = {"field": field.name, "label": field.label, "old": old, "new": new}
        labels = self._value_labels(field, people)
        if labels is not None:
            change |= {"old_label": labels(old), "new_label": labels(new)}
        return change

    def _value(self, field: Field, value: Any, currency: str) -> Any:
        """Return a stored value as the record would show it."""
        convert = from_database(field)
        if convert is not None and value is not None:
            return convert(value, currency)
        if field.kind == "datetime" and isinstance(value, str):
            return datetime.fromisoformat(value)
        return value

    def _value_labels(self, field: Field, people: People) -> Any:
        """Return the function from a value to its label, for choices and people."""
        if field.kind == "choice":
            labels = dict(field.choices)
            if field.dictionary:
                labels = {c.code: c.label for c in self.ctx.tenant.dictionary(field.dictionary)}
            return lambda code: labels.get(code, code)
        if self._is_user_link(field):
            return lambda id: None if id is None else (person(id, people) or {}).get("name")
        return None

    @staticmethod
    def _is_user_link(field: Field) -> bool:
        return field.kind == "link" and field.target == USER


def _author(record: asyncpg.Record, people: People) -> dict[str, Any]:
    """Return who did it: a person, one of their keys, the system, or a user of the database."""
    kind = record["principal_kind"]
    found = person(record["principal_id"], people)
    if found is None:
        name = record["database_user"] if kind == "database" else None
        found = {"id": None, "name": name, "gone": False}
    return {"kind": kind, **found}


def person(id: Any, people: People) -> Mapping[str, Any] | None:
    """Return a person as answers name them; without a known name, the id alone."""
    if id is None:
        return None
    key = UUID(str(id))
    return people.get(key, {"id": key, "name": None, "gone": False})
