"""A declared field as JSON Schema: what the server sends, what it takes, and an example of it."""

from typing import Any

import phonenumbers
from babel.core import get_global

from core.model.conversion import WrongValue, to_database
from core.model.fields import Field
from core.model.parsing import MOST_TAGS, TAG_LENGTH
from core.model.standard_fields import STANDARD
from core.model.types import INT4, INT8
from core.runtime.tenant import Tenant

Schema = dict[str, Any]
_NEVER_NULL = frozenset(STANDARD) - {"created_by", "updated_by", "deleted_at"}
_TEXTS = ("text", "long_text", "email", "phone", "currency", "choice")
AMOUNT = r"^-?\d+(\.\d+)?$"
# Decimals of the finest currency; the field's own says how many it takes.
_FINEST = 4
_UUID = "0197f2a4-8c1e-7b3d-9e5f-2a6b4c8d0e1f"


def currencies() -> list[str]:
    """Return the currency codes that are taken, sorted."""
    return sorted(get_global("all_currencies"))


def nullable(schema: Schema) -> Schema:
    """Return ``schema`` with null allowed."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    found = {**schema, "type": [*kinds, "null"]}
    if "enum" in schema:
        found["enum"] = [*schema["enum"], None]
    return found


def response_schema(field: Field) -> Schema:
    """Return the schema of a field in an answer."""
    schema = dict(_SENT.get(field.kind) or {"type": "string"})
    if field.kind == "choice" and field.choices:
        schema["enum"] = [code for code, _ in field.choices]
    if field.nullable and field.name not in _NEVER_NULL:
        schema = nullable(schema)
    return _titled(field, schema)


_SENT: dict[str, Schema] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "decimal": {"type": "string", "pattern": AMOUNT, "examples": ["12.50"]},
    "money": {"type": "string", "pattern": AMOUNT, "examples": ["2500000.00"]},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "json": {"type": "object"},
    "link": {"type": "string", "format": "uuid"},
}


def request_schema(field: Field, tenant: Tenant) -> Schema:
    """Return the schema of a field in a body."""
    schema = plain(field, tenant)
    if field.nullable:
        schema = nullable(schema)
    found = _titled(field, schema)
    if field.default is not None:
        found["default"] = _default(field)
    if (shown := example(field, tenant)) is not None:
        found["examples"] = [shown]
    return found


def _default(field: Field) -> Any:
    return str(field.default) if field.kind in ("money", "decimal") else field.default


def plain(field: Field, tenant: Tenant) -> Schema:
    """Return the schema of a value of the field that is not null."""
    if field.kind in _TEXTS:
        return _text(field, tenant)
    if field.kind in ("integer", "number"):
        return _number(field)
    if field.kind in ("money", "decimal"):
        return _amount(field)
    if field.kind == "tags":
        word = {"type": "string", "minLength": 1, "maxLength": TAG_LENGTH, "pattern": r"\S"}
        return {"type": "array", "items": word, "maxItems": MOST_TAGS}
    return dict(_SENT[field.kind])


def codes(field: Field, tenant: Tenant) -> list[str]:
    """Return the codes of a choice, as the tenant has them."""
    if field.dictionary:
        return [choice.code for choice in tenant.dictionary(field.dictionary)]
    return [code for code, _ in field.choices]


def _text(field: Field, tenant: Tenant) -> Schema:
    if field.kind == "choice":
        return {"type": "string", "enum": codes(field, tenant)}
    if field.kind == "currency":
        return {"$ref": "#/components/schemas/Currency"}
    schema: Schema = {"type": "string"}
    if field.required:
        schema |= {"minLength": 1, "pattern": r"\S"}
    if field.max_length:
        schema["maxLength"] = field.max_length
    if field.kind == "email":
        schema["format"] = "email"
    return schema


def _number(field: Field) -> Schema:
    least, most = INT4 if field.kind == "integer" else (None, None)
    bounds = {
        "minimum": least if field.minimum is None else field.minimum,
        "maximum": most if field.maximum is None else field.maximum,
    }
    return {"type": field.kind} | {k: v for k, v in bounds.items() if v is not None}


def _amount(field: Field) -> Schema:
    """An amount is taken as text or as a number; text is exact."""
    decimals = field.scale if field.kind == "decimal" else _FINEST
    sign = "" if field.minimum is not None and field.minimum >= 0 else "-?"
    part = rf"(\.\d{{1,{decimals}}})?" if decimals else ""
    most = INT8[1] // 10**_FINEST
    schema: Schema = {"type": ["string", "number"], "pattern": rf"^{sign}\d{{1,14}}{part}$"}
    schema["minimum"] = -most if field.minimum is None else field.minimum
    schema["maximum"] = most if field.maximum is None else field.maximum
    return schema


def _titled(field: Field, schema: Schema) -> Schema:
    words = [field.help]
    if field.kind == "money":
        words.append(f"An amount in the currency that `{field.currency}` names.")
    if field.kind == "phone":
        words.append("National numbers are read in the tenant's region; the answer is E.164.")
    text = " ".join(word for word in words if word)
    if "$ref" in schema:
        schema = {"allOf": [schema]}
    return {"title": field.label} | schema | ({"description": text} if text else {})


def example(field: Field, tenant: Tenant) -> Any:
    """Return a value that the server takes for the field, or None when none is known."""
    for value in _candidates(field, tenant):
        try:
            to_database(field, value, tenant.terms)
        except WrongValue:
            continue
        return value
    return None


def _candidates(field: Field, tenant: Tenant) -> list[Any]:
    if field.kind == "choice":
        return codes(field, tenant)[:1]
    if field.kind == "phone":
        return _phones(tenant)
    if field.kind == "currency":
        return [tenant.config.currency]
    if field.kind in ("money", "decimal"):
        return ["125", "1", str(field.minimum or 0)]
    if field.kind in ("integer", "number"):
        return [field.minimum or 1, 1, field.maximum]
    if field.kind in ("text", "long_text"):
        return _named(field)
    return [_FAMILIAR[field.name]] if field.name in _FAMILIAR else list(_KNOWN[field.kind])


_KNOWN: dict[str, tuple[Any, ...]] = {
    "boolean": (True,),
    "date": ("2026-03-31",),
    "datetime": ("2026-03-31T09:30:00Z",),
    "json": ({},),
    "link": (_UUID,),
    "email": ("name@example.com",),
    "tags": (["new"],),
}
# What people know by such names; any other text field shows its label.
_FAMILIAR: dict[str, Any] = {
    "address": "Jalan Merdeka 1",
    "city": "Jakarta",
    "code": "A-100",
    "country": "ID",
    "description": "Calls back on Monday.",
    "name": "Siti Rahma",
    "notes": "Prefers e-mail.",
    "postal_code": "10110",
    "province": "DKI Jakarta",
    "roles": ["staff"],
}


def _named(field: Field) -> list[Any]:
    familiar = [_FAMILIAR[field.name]] if field.name in _FAMILIAR else []
    return [*familiar, field.label, field.label[:4], "A1", "1"]


def _phones(tenant: Tenant) -> list[Any]:
    kinds = phonenumbers.PhoneNumberFormat
    found = phonenumbers.example_number(tenant.config.phone_region)
    own = [phonenumbers.format_number(found, kinds.E164)] if found else []
    return [*own, "+12015550123"]
