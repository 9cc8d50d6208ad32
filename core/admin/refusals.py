"""What a refusal says to people: beside its field, in their language, with what to do."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.admin.view import View
from core.errors import FieldError, Refused
from core.fields import Field


class Mistake(msgspec.Struct, frozen=True):
    """One thing to correct; without a field it stands on top of the form alone."""

    text: str
    field: str = ""


def mistakes(view: View, refused: Refused, fields: Mapping[str, Field]) -> list[Mistake]:
    """Return what a refusal says, each field once; ``fields`` are those that the form has."""
    found: dict[str, Mistake] = {}
    for error in refused.errors:
        name = error.pointer.lstrip("#?").strip("/").partition("/")[0]
        field = fields.get(name)
        text = words(view, error, field)
        if field is None:
            found.setdefault(f"{name} {text}", Mistake(text))
        else:
            found.setdefault(name, Mistake(text, name))
    return list(found.values()) or [Mistake(view.translate(refused.detail))]


def words(view: View, error: FieldError, field: Field | None) -> str:
    """Return what is wrong and what to do; what only the rule knows is said in its own words."""
    if field is None:
        return view.translate(error.detail)
    code = error.code
    if code == "null":
        code = "required"
    if code == "type":
        code = f"type_{field.kind}"
    known = _known(view, field).get(code)
    return view.translate(error.detail) if known is None else known


def _known(view: View, field: Field) -> dict[str, str]:
    _ = view.translate
    label = _(field.label)
    said: dict[str, Any] = {
        "field": label,
        "least": field.minimum,
        "most": field.maximum,
        "places": field.scale,
        "letters": field.max_length,
    }
    found = {
        "required": _("%(field)s is required. Fill it in."),
        "unique": _("There is one with this %(field)s already. Open it, or write another."),
        "email": _("This is not an e-mail address. Write it like name@example.com."),
        "phone": _("This is not a telephone number. Begin with + and the country, or the area."),
        "date": _("This is not a day. Choose one of the calendar."),
        "datetime": _("This is not a day with a time. Choose both."),
        "choice": _("This is not one of the choices. Choose one of the list."),
        "currency": _("This is not a currency. Write its code of three letters, such as USD."),
        "unknown_record": _("%(field)s does not exist, or you may not see it. Choose another."),
        "uuid": _("%(field)s does not exist, or you may not see it. Choose another."),
        "readonly": _("%(field)s cannot be changed here. Load the page again."),
        "characters": _("This holds a character that cannot be stored. Write it again by hand."),
        "range": _("This number is too large. Write a smaller one."),
        "too_large": _("This is too long. Shorten it."),
        "type_integer": _("This is not a whole number. Write one, such as 12."),
        "type_number": _("This is not a number. Write one, such as 12."),
        "type_money": _("This is not an amount. Write a number, such as 12."),
        "type_decimal": _("This is not a number. Write one, such as 12."),
        "type_json": _("This is not an object in JSON. Write it in braces."),
    }
    if field.minimum is not None:
        found["minimum"] = _("This is too small. Write %(least)s or more.")
    if field.maximum is not None:
        found["maximum"] = _("This is too large. Write %(most)s or less.")
    if field.max_length is not None:
        found["max_length"] = _("This is too long. Shorten it to %(letters)s characters.")
    if field.kind == "decimal":
        found["decimals"] = _("Write at most %(places)s decimals.")
    return {code: text % said for code, text in found.items()}
