"""A struct as a form: the body of an action, or a plugin's settings, as controls and back."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect

from core.admin.forms.body import Form
from core.admin.forms.controls import TICKED, Control, Controls
from core.admin.parts import Option
from core.model.entities import Declaration
from core.model.fields import Field
from core.model.types import INT4, named

# Programs name an event with it, so that it counts once; a form has a key of its own.
HIDDEN = ("key",)
_NUMBERS = (inspect.IntType, inspect.FloatType, inspect.DecimalType)
_LISTS = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a struct: its name in a body, its type, and the entity that it links to."""

    name: str
    label: str
    type: Any
    nullable: bool
    required: bool
    default: Any = None
    target: str = ""
    # Whether a number may be sent in several forms, so that it need not be a whole one.
    loose: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that an enum or a literal allows, of a list those of its items."""
        found = self.type.item_type if isinstance(self.type, _LISTS) else self.type
        found = _plain(found)[0]
        if isinstance(found, inspect.EnumType):
            return tuple(str(member.value) for member in found.cls)
        return tuple(map(str, found.values)) if isinstance(found, inspect.LiteralType) else ()


def _plain(type_: Any) -> tuple[Any, bool]:
    """Return a type without its notes and without null, and whether it may be null."""
    nullable = False
    while True:
        if isinstance(type_, inspect.Metadata):
            type_ = type_.type
        elif isinstance(type_, inspect.UnionType):
            left = [one for one in type_.types if not isinstance(one, inspect.NoneType)]
            nullable = nullable or len(left) < len(type_.types)
            if len(left) == 1:
                type_ = left[0]
            else:  # several forms of one value: a number that may be sent as text is a number
                numbers = [one for one in left if isinstance(_plain(one)[0], _NUMBERS)]
                return _plain((numbers or left)[0])[0], nullable
        else:
            return type_, nullable


def _is_loose(type_: Any) -> bool:
    if isinstance(type_, inspect.Metadata):
        return _is_loose(type_.type)
    several = type_.types if isinstance(type_, inspect.UnionType) else ()
    return sum(isinstance(_plain(one)[0], _NUMBERS) for one in several) > 1


def label_of(name: str) -> str:
    """Return what a field of a struct is called in a form."""
    return named(name.removesuffix("_id"))


def slots(
    struct: Any, targets: Callable[[str], str] = lambda _: "", unseen: Iterable[str] = HIDDEN
) -> list[Slot]:
    """Return the fields of a struct as a form has them; ``targets`` tells what an id belongs to."""
    if struct is None:
        return []
    found = []
    for field in inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        type_, nullable = _plain(field.type)
        if field.encode_name in unseen and not field.required:
            continue
        default = None if field.default is msgspec.NODEFAULT else field.default
        found.append(
            Slot(
                name=field.encode_name,
                label=label_of(field.encode_name),
                type=type_,
                nullable=nullable,
                required=field.required,
                default=default,
                loose=_is_loose(field.type),
                target=targets(field.encode_name) if field.encode_name.endswith("_id") else "",
            )
        )
    return found


def slot_control(
    controls: Controls,
    slot: Slot,
    value: str = "",
    *,
    text: str = "",
    error: str = "",
    src: str = "",
    beside: Declaration | None = None,
) -> Control:
    """Return the control of a slot with a text in it.

    A field of the entity ``beside`` that has its name lends its label and its choices' words.
    """
    known = beside.fields.get(slot.name) if beside is not None else None
    label = controls.say(known.label if known is not None else slot.label)
    given: dict[str, Any] = {
        "name": slot.name,
        "label": label,
        "value": value,
        "error": error,
        "required": slot.required and not isinstance(slot.type, inspect.BoolType),
        "autocomplete": "off",
    }
    if slot.target:
        return Control(**given, kind="lookup", text=text, src=src)
    if slot.choices:
        words = {o.value: o.label for o in controls.options(known)} if known else {}
        options = tuple(
            Option(code, words.get(code) or controls.say(named(code))) for code in slot.choices
        )
        if isinstance(slot.type, _LISTS):
            return Control(**{**given, "value": value.split("\n")}, kind="checks", options=options)
        return Control(**given, kind="select", options=options, empty="")
    return Control(**given | _kind(slot, value))


def _kind(slot: Slot, value: str) -> dict[str, Any]:
    found = slot.type
    if isinstance(found, inspect.BoolType):
        return {"kind": "switch", "value": value == TICKED}
    if isinstance(found, inspect.IntType):
        low, high = (("" if n is None else str(n)) for n in (found.ge, found.le))
        return {"kind": "number", "step": "1", "min": low, "max": high}
    if isinstance(found, _NUMBERS):
        return {"kind": "money"}
    if isinstance(found, inspect.DateType):
        return {"kind": "date"}
    if isinstance(found, inspect.DateTimeType):
        return {"kind": "datetime-local"}
    if isinstance(found, (*_LISTS, inspect.DictType, inspect.StructType)):
        return {"kind": "textarea", "wide": True}
    longest = found.max_length if isinstance(found, inspect.StrType) else None
    if longest is not None and longest > 250:
        return {"kind": "textarea", "rows": 3, "wide": True}
    return {"maxlength": "" if longest is None else str(longest)}


def slot_text(controls: Controls, slot: Slot, value: Any) -> str:
    """Return what stands in the form for a value of a struct."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return TICKED if value else ""
    if isinstance(value, datetime):
        return controls.moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(slot.type, _LISTS) and all(isinstance(one, str) for one in value):
        return "\n".join(value)
    if isinstance(slot.type, (*_LISTS, inspect.DictType, inspect.StructType)):
        return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    if isinstance(slot.type, inspect.FloatType | inspect.DecimalType):
        return controls.number(value)
    return str(getattr(value, "value", value))


def slot_texts(form: Form, slots_of_form: Iterable[Slot]) -> dict[str, str]:
    """Return what was typed into the slots that a form has."""
    return {
        slot.name: "\n".join(text for text in form.getall(slot.name) if text)
        if isinstance(slot.type, _LISTS)
        else form.get(slot.name)
        for slot in slots_of_form
    }


def slot_values(
    controls: Controls, slots_of_form: Iterable[Slot], texts: Mapping[str, str]
) -> dict[str, Any]:
    """Return the body of texts; what is empty is left out, or null where it has to be named."""
    body: dict[str, Any] = {}
    for slot in slots_of_form:
        text = texts.get(slot.name, "")
        if isinstance(slot.type, inspect.BoolType):
            body[slot.name] = text == TICKED
        elif text.strip() or isinstance(slot.type, _LISTS):
            body[slot.name] = _value(controls, slot, text)
        elif slot.nullable:
            body[slot.name] = None
    return body


def _value(controls: Controls, slot: Slot, text: str) -> Any:
    found = slot.type
    if slot.target:
        return text
    if isinstance(found, inspect.DateTimeType):
        return controls.read_moment(text)
    if isinstance(found, inspect.IntType | inspect.FloatType):
        return _number(controls.read_number(text))
    if isinstance(found, inspect.DecimalType):
        return controls.read_number(text)
    if isinstance(found, _LISTS) and isinstance(
        _plain(found.item_type)[0], inspect.StrType | inspect.EnumType | inspect.LiteralType
    ):
        return [line.strip() for line in text.split("\n") if line.strip()]
    if isinstance(found, (*_LISTS, inspect.DictType, inspect.StructType)):
        try:
            return msgspec.json.decode(text or "[]")
        except msgspec.DecodeError:
            return text
    return text


def _number(text: str) -> Any:
    """Return a number; text that is none goes on, to be refused where the rules are."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def slot_field(slot: Slot) -> Field:
    """Return a slot as the field that it would be: its label, kind and bounds."""
    found, bounds = slot.type, dict[str, Any]()
    if isinstance(found, _NUMBERS):
        whole = isinstance(found, inspect.IntType)
        least, most = getattr(found, "ge", None), getattr(found, "le", None)
        bounds = {"kind": "integer" if whole else "number", "minimum": least, "maximum": most}
    elif isinstance(found, inspect.StrType):
        bounds = {"max_length": found.max_length}
    return Field(name=slot.name, label=slot.label, **bounds)


def slot_fault(slot: Slot, value: Any) -> str:
    """Return the code of what is wrong with a value of a body by its type alone, or nothing."""
    found = slot.type
    if value is None or value == "":
        return "required" if slot.required or not slot.nullable else ""
    if slot.target or isinstance(found, inspect.UUIDType):
        return "" if is_id(str(value)) else "uuid"
    if slot.choices:
        several = value if isinstance(value, list) else [value]
        return "choice" if set(map(str, several)) - set(slot.choices) else ""
    if isinstance(found, inspect.IntType | inspect.FloatType):
        return _number_fault(found, value, loose=slot.loose)
    if isinstance(found, inspect.StrType):
        most = found.max_length
        return "max_length" if most is not None and len(str(value)) > most else ""
    for type_, code in _DATES:
        if isinstance(found, type_):
            return code
    return ""


_DATES = (
    (inspect.DateTimeType, "datetime"),
    (inspect.DateType, "date"),
    (inspect.DecimalType, "type_money"),
)


def _number_fault(type_: inspect.IntType | inspect.FloatType, value: Any, *, loose: bool) -> str:
    if isinstance(type_, inspect.IntType) and type(value) is not int and not loose:
        return "type_integer"
    if type(value) not in (int, float):
        return "type_number"
    if type_.ge is not None and value < type_.ge:
        return "minimum"
    if type_.le is not None and value > type_.le:
        return "maximum"
    return "range" if abs(value) > INT4[1] else ""


def is_id(text: str) -> bool:
    """Whether a text is the id of a record."""
    try:
        return len(text) == 36 and bool(UUID(text))
    except ValueError:
        return False
