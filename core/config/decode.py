"""Turn parsed TOML into a msgspec struct, collecting every problem instead of the first.

``msgspec.convert`` stops at the first error and does not name the keys of a mapping; here each
key is looked at by itself, and msgspec judges the leaves.
"""

import datetime as dt
from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from core.config.problems import Findings, KeyPath

S = TypeVar("S", bound=msgspec.Struct)


def decode(
    raw: object,
    type_: type[S],
    path: KeyPath,
    findings: Findings,
    extra: Mapping[str, object] | None = None,
) -> S | None:
    """Return the struct, or None after adding to ``findings``; ``extra`` fields are not keys."""
    if not isinstance(raw, dict):
        findings.add(path, f"expected a table, got {_shown(raw)}")
        return None
    extra = extra or {}
    fields = {f.encode_name: f for f in msgspec.structs.fields(type_) if f.name not in extra}
    before = len(findings.problems)
    values = dict(extra)
    for key, value in raw.items():
        if key in fields:
            values[fields[key].name] = _value(value, fields[key].type, (*path, key), findings)
        else:
            findings.unknown((*path, key), "key", key, fields)
    for key, field in fields.items():
        if field.required and key not in raw:
            findings.add(path, f'"{key}" is missing')
    return _built(type_, values, path, findings) if len(findings.problems) == before else None


def _built(
    type_: type[S], values: Mapping[str, object], path: KeyPath, findings: Findings
) -> S | None:
    try:
        return type_(**values)
    except (ValueError, TypeError) as error:  # a struct may check itself in __post_init__
        findings.add(path, str(error))
        return None


def _value(raw: object, type_: Any, path: KeyPath, findings: Findings) -> Any:
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in (Union, UnionType) and isinstance(raw, dict | list):
        inner = [kind for kind in arguments if kind is not type(None)]
        if len(inner) == 1:  # an optional table or list is judged key by key too
            return _value(raw, inner[0], path, findings)
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return decode(raw, type_, path, findings)
    if origin is dict and isinstance(raw, dict):
        return {k: _value(v, arguments[1], (*path, k), findings) for k, v in raw.items()}
    if origin in (tuple, list) and isinstance(raw, list) and _is_open(origin, arguments):
        return origin(
            _value(v, arguments[0], (*path, f"[{i}]"), findings) for i, v in enumerate(raw)
        )
    return _leaf(raw, type_, path, findings)


def _is_open(origin: Any, arguments: tuple[Any, ...]) -> bool:
    """Tell a sequence of any length from a tuple of a fixed length."""
    return origin is list or (len(arguments) == 2 and arguments[1] is Ellipsis)


def _leaf(raw: object, type_: Any, path: KeyPath, findings: Findings) -> Any:
    try:
        return msgspec.convert(raw, type_, builtin_types=(dt.datetime, dt.date, dt.time))
    except msgspec.ValidationError as error:
        detail = str(error).replace("`", "").split(" - at ")[0]
        findings.add(path, f"{detail[:1].lower()}{detail[1:]} (here {_shown(raw)})")
        return None


def _shown(raw: object) -> str:
    """Return the value as TOML shows it, short; a table only by its kind."""
    if isinstance(raw, dict):
        return "a table"
    if isinstance(raw, list):
        return "a list"
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, str):
        return f'"{raw[:40]}"'
    return str(raw)
