"""The operations that the kernel generates for an entity, one function per route."""

from collections.abc import Callable

from core.model.entities import Declaration
from core.rest.openapi.answers import Schema, answer, body
from core.rest.openapi.builder import DocumentBuilder
from core.rest.openapi.collection import (
    batch_operation,
    bulk_operation,
    options_operation,
    query_operation,
    stats_operation,
)
from core.rest.openapi.components import (
    ID,
    KEY,
    list_parameters,
    operation,
    page,
    record_parameters,
    search_parameters,
)
from core.rest.openapi.history import (
    attribution_operation,
    credit_operation,
    history_operation,
    history_stats_operation,
)

Made = Callable[[DocumentBuilder, Declaration], Schema]


def _list(builder: DocumentBuilder, entity: Declaration) -> Schema:
    found = page(builder, builder.record(entity))
    return operation(
        entity,
        "list",
        f"List {entity.plural.lower()}",
        description="Fields of linked records filter as well: `link.field__operator=value`.",
        parameters=search_parameters(builder, entity),
        responses={"200": answer("One page.", found), **builder.problems()},
    )


def _trash(builder: DocumentBuilder, entity: Declaration) -> Schema:
    found = page(builder, builder.trashed(entity))
    return operation(
        entity,
        "trash",
        f"List {entity.plural.lower()} in the trash",
        parameters=list_parameters(builder, entity),
        responses={"200": answer("One page.", found), **builder.problems()},
    )


def _create(builder: DocumentBuilder, entity: Declaration) -> Schema:
    headers = ("ETag", "Location", "Idempotency-Replayed")
    given = builder.input(entity, "create", "create")
    made = answer("Created.", builder.record(entity), headers)
    return operation(
        entity,
        "create",
        f"Create one of {entity.plural.lower()}",
        parameters=[*record_parameters(builder, entity), KEY],
        requestBody=body(given, builder.example(entity, "create")),
        responses={"201": made, **builder.problems(body=True, once=True)},
    )


def _get(builder: DocumentBuilder, entity: Declaration) -> Schema:
    same = {"$ref": "#/components/parameters/If-None-Match"}
    return operation(
        entity,
        "get",
        f"Get one of {entity.plural.lower()}",
        parameters=[ID, *record_parameters(builder, entity), same],
        responses={
            "200": answer("The record.", builder.record(entity), ("ETag",)),
            "304": answer("The caller has this version already.", headers=("ETag",)),
            **builder.problems(),
        },
    )


def _put(builder: DocumentBuilder, entity: Declaration) -> Schema:
    text = "Required fields must be there; what is left out stays."
    return _change(builder, entity, "put", "Replace") | {"description": text}


def _patch(builder: DocumentBuilder, entity: Declaration) -> Schema:
    return _change(builder, entity, "patch", "Change")


def _change(builder: DocumentBuilder, entity: Declaration, verb: str, word: str) -> Schema:
    given = builder.input(entity, verb, "update")
    return operation(
        entity,
        verb,
        f"{word} one of {entity.plural.lower()}",
        parameters=[ID, *record_parameters(builder, entity), builder.match()],
        requestBody=body(given, builder.example(entity, "update")),
        responses={
            "200": answer("The record as it is now.", builder.record(entity), ("ETag",)),
            **builder.problems(change=True, body=True),
        },
    )


def _delete(builder: DocumentBuilder, entity: Declaration) -> Schema:
    return operation(
        entity,
        "delete",
        f"Put one of {entity.plural.lower()} in the trash",
        parameters=[ID, builder.match()],
        responses={"204": answer("It is in the trash."), **builder.problems(change=True)},
    )


def _restore(builder: DocumentBuilder, entity: Declaration) -> Schema:
    headers = ("ETag", "Idempotency-Replayed")
    return operation(
        entity,
        "restore",
        f"Take one of {entity.plural.lower()} out of the trash",
        parameters=[ID, *record_parameters(builder, entity), builder.match(), KEY],
        responses={
            "200": answer("The record.", builder.record(entity), headers),
            **builder.problems(change=True, once=True),
        },
    )


def _purge(builder: DocumentBuilder, entity: Declaration) -> Schema:
    return operation(
        entity,
        "purge",
        f"Delete one of {entity.plural.lower()} for good",
        parameters=[ID, builder.match(), KEY],
        responses={
            "204": answer("It is gone.", headers=("Idempotency-Replayed",)),
            **builder.problems(change=True, once=True),
        },
    )


# By what follows the resource in the path, and the method.
MADE: dict[tuple[str, str], Made] = {
    ("", "GET"): _list,
    ("", "POST"): _create,
    ("/batch", "POST"): batch_operation,
    ("/query", "POST"): query_operation,
    ("/trash", "GET"): _trash,
    ("/options", "GET"): options_operation,
    ("/stats", "GET"): stats_operation,
    ("/bulk", "POST"): bulk_operation,
    ("/{id}", "GET"): _get,
    ("/{id}", "PUT"): _put,
    ("/{id}", "PATCH"): _patch,
    ("/{id}", "DELETE"): _delete,
    ("/{id}/restore", "POST"): _restore,
    ("/{id}/purge", "POST"): _purge,
    ("/{id}/history", "GET"): history_operation,
    ("/{id}/history/stats", "GET"): history_stats_operation,
    ("/{id}/attribution", "GET"): attribution_operation,
    ("/credit", "GET"): credit_operation,
}
