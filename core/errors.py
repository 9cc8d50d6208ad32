"""Refusals, and the one form in which every error leaves the server (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

DOCS = "https://trellis-crm.example/errors/"


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with one field: ``pointer`` is a JSON pointer into the body, or ``?name``."""

    pointer: str
    detail: str
    code: str
    allowed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The field that the pointer leads to."""
        return self.pointer.lstrip("#?").strip("/").partition("/")[0]


class Refused(Exception):
    """A request that cannot be served, for a reason that the caller may know."""

    status = 400
    code = "refused"
    detail = "The request was refused."

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.detail = detail or type(self).detail
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(self.detail)

    @property
    def sentence(self) -> str:
        """What it says of the first wrong field, or else of everything."""
        return self.errors[0].detail if self.errors else self.detail


class Invalid(Refused):
    """The input is wrong; ``errors`` lists every wrong field."""

    status, code, detail = 400, "invalid", "The request is not valid."

    @classmethod
    def fields(cls, errors: Sequence[FieldError]) -> "Invalid":
        """Return the refusal that lists ``errors``; its summary is the first one."""
        return cls(errors[0].detail, errors=errors)

    @classmethod
    def field(
        cls, pointer: str, detail: str, code: str = "invalid", allowed: Sequence[str] = ()
    ) -> "Invalid":
        """Return the refusal of one field or parameter."""
        return cls(detail, errors=[FieldError(pointer, detail, code, tuple(allowed))])


class Unauthenticated(Refused):
    """Nobody is known to be asking, or the credential is no longer good."""

    status, code = 401, "unauthenticated"
    detail = "Authentication credentials were not provided or are no longer valid."

    def __init__(self, detail: str | None = None, **options: Any) -> None:
        super().__init__(detail, **options)
        self.headers.setdefault("WWW-Authenticate", "Bearer")


class Forbidden(Refused):
    """The principal has no grant for this action on this entity."""

    status, code, detail = 403, "forbidden", "You do not have permission to perform this action."


class NotFound(Refused):
    """Unknown path, disabled plugin, or a row outside the principal's scope: never told apart."""

    status, code, detail = 404, "not_found", "Not found."


class NotAllowed(Refused):
    """The path exists, the method does not."""

    status, code, detail = 405, "method_not_allowed", "Method not allowed."


class Conflict(Refused):
    """The request clashes with the state of the record."""

    status, code, detail = 409, "conflict", "The request conflicts with the current state."

    @classmethod
    def over(cls, pointer: str, detail: str, code: str) -> "Conflict":
        """Return the clash that one field of the request makes."""
        return cls(detail, code=code, errors=[FieldError(pointer, detail, code)])


class Rejected(Conflict):
    """A rule of a plugin refuses the change; ``before_`` hooks and services raise it."""

    code, detail = "rejected", "A rule refuses this change."


class Stale(Refused):
    """If-Match named another version than the stored one."""

    status, code, detail = 412, "stale", "The record was changed meanwhile; fetch it again."


class TooLarge(Refused):
    """The body is larger than the server takes."""

    status, code, detail = 413, "too_large", "The request body is too large."


class Unprocessable(Refused):
    """An Idempotency-Key was used before with another body."""

    status, code = 422, "idempotency_mismatch"
    detail = "This Idempotency-Key was used with a different request."


class PreconditionRequired(Refused):
    """The tenant demands If-Match."""

    status, code = 428, "precondition_required"
    detail = "This tenant requires an If-Match header on changes."


class TooManyRequests(Refused):
    """The caller has to wait; ``Retry-After`` says how long."""

    status, code, detail = 429, "too_many_requests", "Too many requests; try again later."


class Unavailable(Refused):
    """The server cannot serve this now, and a retry may succeed."""

    status, code, detail = 503, "unavailable", "The service is temporarily unavailable."

    def __init__(self, detail: str | None = None, **options: Any) -> None:
        super().__init__(detail, **options)
        self.headers.setdefault("Retry-After", "1")


class StartRefused(Exception):
    """The process refuses to start; the message names the plugin or object, the place and why."""


def problem(refusal: Refused, instance: str, request_id: str) -> dict[str, Any]:
    """Return the RFC 9457 body of ``refusal``, with the sources' ``error`` as extension."""
    body: dict[str, Any] = {
        "type": DOCS + refusal.code,
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": instance,
        "code": refusal.code,
        "request_id": request_id,
        "errors": refusal.errors,
        "error": refusal.detail,
    }
    return body | refusal.extra
