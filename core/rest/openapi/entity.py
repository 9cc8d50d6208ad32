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
from core.rest.openapi.components import ID, KEY, listing, operation, page, searching, shaping
from core.rest.openapi.history import (
    attribution_operation,
    credit_operation,
    history_operation,
    history_stats_operation,
)

Made = Callable[[DocumentBuilder, Declaration], Schema]


def _list(draft: DocumentBuilder, entity: Declaration) -> Schema:
    found = page(draft, draft.record(entity))
    return operation(
        entity,
        "list",
        f"List {entity.plural.lower()}",
        description="Fields of linked records filter as well: `link.field__operator=value`.",
        parameters=searching(draft, entity),
        responses={"200": answer("One page.", found), **draft.problems()},
    )


def _trash(draft: DocumentBuilder, entity: Declaration) -> Schema:
    found = page(draft, draft.trashed(entity))
    return operation(
        entity,
        "trash",
        f"List {entity.plural.lower()} in the trash",
        parameters=listing(draft, entity),
        responses={"200": answer("One page.", found), **draft.problems()},
    )


def _create(draft: DocumentBuilder, entity: Declaration) -> Schema:
    headers = ("ETag", "Location", "Idempotency-Replayed")
    given = draft.input(entity, "create", "create")
    made = answer("Created.", draft.record(entity), headers)
    return operation(
        entity,
        "create",
        f"Create one of {entity.plural.lower()}",
        parameters=[*shaping(draft, entity), KEY],
        requestBody=body(given, draft.example(entity, "create")),
        responses={"201": made, **draft.problems(body=True, once=True)},
    )


def _get(draft: DocumentBuilder, entity: Declaration) -> Schema:
    same = {"$ref": "#/components/parameters/If-None-Match"}
    return operation(
        entity,
        "get",
        f"Get one of {entity.plural.lower()}",
        parameters=[ID, *shaping(draft, entity), same],
        responses={
            "200": answer("The record.", draft.record(entity), ("ETag",)),
            "304": answer("The caller has this version already.", headers=("ETag",)),
            **draft.problems(),
        },
    )


def _put(draft: DocumentBuilder, entity: Declaration) -> Schema:
    text = "Required fields must be there; what is left out stays."
    return _change(draft, entity, "put", "Replace") | {"description": text}


def _patch(draft: DocumentBuilder, entity: Declaration) -> Schema:
    return _change(draft, entity, "patch", "Change")


def _change(draft: DocumentBuilder, entity: Declaration, verb: str, word: str) -> Schema:
    given = draft.input(entity, verb, "update")
    return operation(
        entity,
        verb,
        f"{word} one of {entity.plural.lower()}",
        parameters=[ID, *shaping(draft, entity), draft.match()],
        requestBody=body(given, draft.example(entity, "update")),
        responses={
            "200": answer("The record as it is now.", draft.record(entity), ("ETag",)),
            **draft.problems(change=True, body=True),
        },
    )


def _delete(draft: DocumentBuilder, entity: Declaration) -> Schema:
    return operation(
        entity,
        "delete",
        f"Put one of {entity.plural.lower()} in the trash",
        parameters=[ID, draft.match()],
        responses={"204": answer("It is in the trash."), **draft.problems(change=True)},
    )


def _restore(draft: DocumentBuilder, entity: Declaration) -> Schema:
    headers = ("ETag", "Idempotency-Replayed")
    return operation(
        entity,
        "restore",
        f"Take one of {entity.plural.lower()} out of the trash",
        parameters=[ID, *shaping(draft, entity), draft.match(), KEY],
        responses={
            "200": answer("The record.", draft.record(entity), headers),
            **draft.problems(change=True, once=True),
        },
    )


def _purge(draft: DocumentBuilder, entity: Declaration) -> Schema:
    return operation(
        entity,
        "purge",
        f"Delete one of {entity.plural.lower()} for good",
        parameters=[ID, draft.match(), KEY],
        responses={
            "204": answer("It is gone.", headers=("Idempotency-Replayed",)),
            **draft.problems(change=True, once=True),
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
