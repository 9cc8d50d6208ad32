"""What a refusal says to people: beside its field, in their language, with what to do."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import msgspec

from core.admin.forms.struct_controls import Slot, slot_fault, slot_field
from core.admin.view import View
from core.errors import FieldError, Refused
from core.model.fields import Field


class Mistake(msgspec.Struct, frozen=True):
    """One thing to correct; without a field it stands on top of the form alone."""

    text: str
    field: str = ""


def mistakes(view: View, refused: Refused, fields: Mapping[str, Field]) -> list[Mistake]:
    """Return what a refusal says, each field once; ``fields`` are those that the form has."""
    return _each_once(view, refused, fields, lambda error: words(view, error, fields[error.name]))


def _each_once(
    view: View, refused: Refused, known: Container[str], say: Callable[[FieldError], str]
) -> list[Mistake]:
    """Return what ``say`` makes of each known field; the rest, or all, is told as it is."""
    found: dict[str, Mistake] = {}
    for error in refused.errors:
        if error.name in known:
            found.setdefault(error.name, Mistake(say(error), error.name))
        else:
            text = view.tell(error.detail)
            found.setdefault(f"{error.name} {text}", Mistake(text))
    whole = f"{view.tell(refused.detail)} {later(view, refused)}"
    return list(found.values()) or [Mistake(whole.strip())]


def later(view: View, refused: Refused) -> str:
    """Return when to try again, if the refusal knows."""
    wait = refused.headers.get("Retry-After", "")
    return view.translate("Try again in %(seconds)s seconds.") % {"seconds": wait} if wait else ""


def slot_mistakes(
    view: View, refused: Refused, slots: Sequence[Slot], body: Mapping[str, Any]
) -> list[Mistake]:
    """Return what a refusal of a struct says; of a value that does not fit, what would.

    ``body`` is what was sent. A rule of the plugin says it in words of its own.
    """
    known = {slot.name: slot for slot in slots}

    def say(error: FieldError) -> str:
        slot, code = known[error.name], error.code
        if code in ("maximum", "minimum"):  # a bound that a rule draws
            return view.tell(error.detail)
        if code in ("invalid", "required"):
            code = slot_fault(slot, body.get(slot.name)) or code
        return words(view, msgspec.structs.replace(error, code=code), slot_field(slot))

    return _each_once(view, refused, known, say)


def words(view: View, error: FieldError, field: Field) -> str:
    """Return what is wrong and what to do; what only the rule knows is said in its own words."""
    code = error.code
    if code == "null":
        code = "required"
    if code == "type":
        code = f"type_{field.kind}"
    if code == "max_length" and field.max_length is None:
        code = "too_large"
    return _known(view, field).get(code) or view.tell(error.detail)


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
        "depth": _("This is nested too deeply. Write it with fewer levels."),
        "max_items": _("These are too many words. Leave some out."),
    }
    found |= _of_kind(view) | _of_bounds(view, field)
    return {code: text % said for code, text in found.items()}


def _of_kind(view: View) -> dict[str, str]:
    """Return what is said of a value that is of another kind than its field."""
    _ = view.translate
    return {
        "type_integer": _("This is not a whole number. Write one, such as 12."),
        "type_number": _("This is not a number. Write one, such as 12."),
        "type_money": _("This is not an amount. Write a number, such as 12."),
        "type_decimal": _("This is not a number. Write one, such as 12."),
        "type_json": _("This is not an object in JSON. Write it in braces."),
        "type_boolean": _("This is neither on nor off. Load the page again and choose."),
    }


def _of_bounds(view: View, field: Field) -> dict[str, str]:
    """Return what is said of a value outside the bounds that a field has."""
    _, found = view.translate, dict[str, str]()
    if field.kind == "tags":
        found["max_length"] = _("One of these words is too long. Shorten it.")
    if field.minimum is not None:
        found["minimum"] = _("This is too small. Write %(least)s or more.")
    if field.maximum is not None:
        found["maximum"] = _("This is too large. Write %(most)s or less.")
    if field.max_length is not None:
        found["max_length"] = _("This is too long. Shorten it to %(letters)s characters.")
    if field.kind == "decimal":
        found["decimals"] = _("Write at most %(places)s decimals.")
    return found
