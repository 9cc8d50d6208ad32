"""A good value for every kind of field, out of the declaration alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.model.fields import Field
from core.runtime.tenant import Tenant

_PHONES = {"ID": "+62812345{:05d}", "US": "+1212555{:04d}", "GB": "+4420794{:05d}"}
# Those that name a row of the probes: no sample is one of them, whatever its number.
_TOKENS = {"ID": "+6281377{:06d}", "US": "+121277{:06d}", "GB": "+442077{:06d}"}
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _text(field: Field, number: int, canary: str) -> str:
    text = f"{canary or 'sample'} {number}" if field.kind != "long_text" else f"{canary} {number}"
    return text.strip()[-(field.max_length or 200) :].strip()


def _choice(field: Field, tenant: Tenant) -> str:
    if field.dictionary:
        return tenant.dictionary(field.dictionary)[0].code
    return field.choices[0][0]


def _whole(field: Field, number: int) -> int:
    low, high = field.minimum or 0, field.maximum if field.maximum is not None else 10_000
    # Even, so that a validator which wants that is content.
    return min(max(2 * (number % 500), low), high)


def _phone(tenant: Tenant, number: int) -> str:
    form = _PHONES.get(tenant.config.phone_region, _PHONES["US"])
    return form.format(number % 10_000)


def token_phone(tenant: Tenant, number: int) -> str:
    """Return a telephone number that no sample has; its last eight digits are its own."""
    form = _TOKENS.get(tenant.config.phone_region, _TOKENS["US"])
    return form.format(number % 1_000_000)


def sample(field: Field, tenant: Tenant, number: int, canary: str = "") -> Any:
    """Return a value of the field as the database driver takes it, different per ``number``."""
    word = canary.lower() or "sample"
    made: dict[str, Any] = {
        "text": lambda: _text(field, number, canary),
        "long_text": lambda: _text(field, number, canary),
        "email": lambda: f"{word}-{number}@probe.example",
        "phone": lambda: _phone(tenant, number),
        "integer": lambda: field.default if field.default is not None else _whole(field, number),
        "decimal": lambda: 1000 + number,
        "money": lambda: field.default if field.default is not None else 1000 + number,
        "boolean": lambda: bool(field.default),
        "date": lambda: date(2026, 1, 1) + timedelta(days=number % 300),
        "datetime": lambda: _NOON + timedelta(minutes=number),
        "currency": lambda: tenant.config.currency,
        "choice": lambda: field.default or _choice(field, tenant),
        "tags": lambda: [word] if field.name != "roles" else ["staff"],
        "json": lambda: f'{{"note": "{word}"}}',
        "number": lambda: number / 2,
    }
    return made[field.kind]()


def sample_json(field: Field, tenant: Tenant, number: int, canary: str = "") -> Any:
    """Return the value of the field as a JSON body carries it."""
    value = sample(field, tenant, number, canary)
    if field.kind == "json":
        return {"note": canary.lower() or "sample"}
    if field.kind == "money":
        return f"{1000 + number}"
    if field.kind == "decimal":
        return f"{number}.5"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
