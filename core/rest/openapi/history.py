"""The operations of a record's history, and of who was responsible for it."""

from typing import get_args

from core.audit.credit import NUMBERS
from core.audit.queries import HistoryQuery, Kind, Period
from core.model.entities import Declaration
from core.rest.openapi.action import query_parameters
from core.rest.openapi.answers import Schema, answer, array_of, closed_object, ref
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.components import ID, operation

TEXT: Schema = {"type": ["string", "null"]}
UUID: Schema = {"type": ["string", "null"], "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
NUMBER: Schema = {"type": "integer"}
PERSON = closed_object(
    {"id": UUID, "name": TEXT, "gone": {"type": "boolean"}}, ("id", "name", "gone")
)
SOMEBODY: Schema = {"anyOf": [PERSON, {"type": "null"}]}


def history_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return who changed what in a record."""
    builder.schemas.setdefault("HistoryEntry", _entry())
    page = closed_object({"next_cursor": TEXT, "results": array_of(ref("HistoryEntry"))}, _PAGE)
    return operation(
        entity,
        "history",
        f"Who changed what in one of {entity.plural.lower()}, the newest first",
        description="Of a record in the trash, or purged, for holders of `trash` alone.",
        parameters=[ID, *query_parameters(builder, HistoryQuery)],
        responses={"200": answer("The changes.", page), **builder.problems()},
    )


_PAGE = ("next_cursor", "results")


def _entry() -> Schema:
    """Return one change, as far as the caller sees the fields."""
    change = closed_object(
        {
            "field": {"type": "string"},
            "label": {"type": "string"},
            "old": {},
            "new": {},
            "old_label": TEXT,
            "new_label": TEXT,
        },
        ("field", "label", "old", "new"),
    )
    deed = dict.fromkeys(("method", "route", "operation"), TEXT)
    origin = dict.fromkeys(("address", "user_agent"), TEXT)
    whole = {
        "id": {"type": "string", "format": "uuid"},
        "at": TIME,
        "action": {"type": "string", "enum": list(get_args(Kind))},
        "entity": {"type": "string"},
        "record_id": {"type": "string", "format": "uuid"},
        "changes": array_of(change),
        "by": closed_object({"kind": TEXT, **PERSON["properties"]}, ("kind", "id", "name", "gone")),
        "request": closed_object({"id": UUID, **deed, **origin}, ("id", *deed)),
        "reason": TEXT,
        "responsible": SOMEBODY,
    }
    return closed_object(whole, [name for name in whole if name != "responsible"])


def history_stats_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return how often what was changed."""
    numbers: Schema = {"type": "object", "additionalProperties": NUMBER}
    whole = {
        "total_changes": NUMBER,
        "by_action": numbers,
        "by_field": numbers,
        "people": NUMBER,
        "first_at": {"type": ["string", "null"], "format": "date-time"},
        "last_at": {"type": ["string", "null"], "format": "date-time"},
    }
    return operation(
        entity,
        "history_stats",
        f"How often what was changed in one of {entity.plural.lower()}",
        parameters=[ID],
        responses={
            "200": answer("The figures.", closed_object(whole, whole)),
            **builder.problems(),
        },
    )


def _credit() -> Schema:
    numbers = closed_object(dict.fromkeys(NUMBERS, NUMBER), NUMBERS)
    return {"type": "object", "additionalProperties": numbers}


def attribution_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return everyone who was responsible for a record, and when."""
    period = {
        "responsible": PERSON,
        "from": TIME,
        "to": {"type": ["string", "null"], "format": "date-time"},
        "credit": _credit(),
    }
    whole = {"results": array_of(closed_object(period, period)), "is_whole": {"type": "boolean"}}
    return operation(
        entity,
        "attribution",
        f"Everyone who was responsible for one of {entity.plural.lower()}, and when",
        parameters=[ID],
        responses={"200": answer("The periods, in order.", closed_object(whole, whole))}
        | builder.problems(),
    )


def credit_operation(builder: DocumentBuilder, entity: Declaration) -> Schema:
    """Return what each responsible person achieved in a period."""
    line = {"responsible": SOMEBODY, "credit": _credit()}
    labels: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
    whole = {
        "from": TIME,
        "to": TIME,
        "fields": labels,
        "results": array_of(closed_object(line, line)),
    }
    return operation(
        entity,
        "credit",
        f"What the people responsible for {entity.plural.lower()} achieved",
        description="Of the last 30 days, unless a period is given.",
        parameters=query_parameters(builder, Period),
        responses={"200": answer("One line per person.", closed_object(whole, whole))}
        | builder.problems(),
    )
