"""Plain values as a msgspec struct: a body or a query string, refused with every wrong field."""

from typing import Any

import msgspec

from core.errors import FieldError, Invalid
from core.model.types import named


def read_object(value: Any) -> dict[str, Any]:
    """Return a body that must be a JSON object."""
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.", code="type")
    return value


def read_values(struct: Any, body: dict[str, Any], prefix: str = "#") -> Any:
    """Return ``body`` as ``struct``; refuses with every wrong field and every unknown one.

    A field says it in its own words with ``error_message``.
    """
    errors: list[FieldError] = []
    values: dict[str, Any] = {}
    fields = {f.encode_name: f for f in msgspec.structs.fields(struct)}
    for name, value in body.items():
        field = fields.get(name)
        if field is None:
            detail = f"Unknown field {name!r}."
            errors.append(FieldError(f"{prefix}/{name}", detail, "unknown", tuple(fields)))
            continue
        try:
            values[field.name] = msgspec.convert(value, field.type, strict=True)
        except msgspec.ValidationError as wrong:
            detail = _message(field.type) or str(wrong)
            errors.append(FieldError(f"{prefix}/{name}", detail, "invalid"))
    for name, field in fields.items():
        if field.required and name not in body:
            label = named(name)
            errors.append(FieldError(f"{prefix}/{name}", f"{label} is required", "required"))
    if errors:
        raise Invalid.fields(errors)
    try:
        return struct(**values)
    except ValueError as wrong:  # the struct's own rule over several fields
        raise Invalid.field(prefix, str(wrong)) from None


def read_query(struct: Any, parameters: dict[str, str]) -> Any:
    """Return query parameters as ``struct``; refuses unknown parameters and wrong values."""
    if struct is None:
        if parameters:
            name = sorted(parameters)[0]
            raise Invalid.field(f"?{name}", f"Unknown parameter {name!r}.", "unknown")
        return None
    known = {f.encode_name: f for f in msgspec.structs.fields(struct)}
    errors = [
        FieldError(f"?{name}", f"Unknown parameter {name!r}.", "unknown", tuple(known))
        for name in parameters
        if name not in known
    ]
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in parameters:
            try:
                values[field.name] = msgspec.convert(parameters[name], field.type, strict=False)
            except msgspec.ValidationError as wrong:
                detail = _message(field.type) or str(wrong)
                errors.append(FieldError(f"?{name}", detail, "invalid"))
        elif field.required:
            errors.append(FieldError(f"?{name}", f"{name} is required", "required"))
    if errors:
        raise Invalid.fields(errors)
    return struct(**values)


def error_message(message: str, **bounds: Any) -> msgspec.Meta:
    """Return the bounds of a field, as ``Meta`` takes them, whose violation ``message`` tells."""
    return msgspec.Meta(extra={"message": message}, **bounds)


def _message(type_: Any) -> str | None:
    for meta in getattr(type_, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra and "message" in meta.extra:
            return str(meta.extra["message"])
    return None
