"""Every refusal of every generated form: beside its field, in the reader's words, nothing lost.

The forms come from the registry, so a plugin's own are held to the same.
"""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from msgspec import inspect

from core.admin.forms.struct_controls import slots
from core.registry.loader import load
from core.testing.kit import PACKAGES, PLUGINS
from tests.core.browsing import Browser
from tests.core.screens import clerk, fields, part
from tests.core.signing import Gate

NOBODY = "00000000-0000-4000-8000-000000000001"
REGISTRY = load(PLUGINS, PACKAGES).registry
FORMS = [
    (entity.name, verb)
    for entity in REGISTRY.entities.values()
    if entity.plugin != "core"
    for verb in ("create", "update")
    if verb in entity.verbs
]
DEEDS = [
    (name, action.name)
    for name, actions in REGISTRY.actions.items()
    for action in actions
    if action.on == "record" and action.method == "POST" and action.values is not None
]
MESSAGE = re.compile(r'class="field-error" id="([^"]+)">(?:<svg.*?</svg>)?(.*?)</p>', re.S)
# Marks of the inside: pointers, code names, types, JSON, Python's own words.
INSIDE = re.compile(r"[`{}\[\]#]|\b[a-z]+_[a-z_]+\b|Expected|Unknown field|\bUUID\b|None\b")
LONG = "x" * 1200
KINDS = {
    "email": ("nobody", "a@b@c.example"),
    "phone": ("12", "call me"),
    "integer": ("abc", "99999999999999999999"),
    "number": ("abc",),
    "decimal": ("abc", "1,23456789"),
    "money": ("abc", "1e99"),
    "date": ("2026-13-45", "tomorrow"),
    "datetime": ("2026-13-45T25:00", "soon"),
    "choice": ("nonsense",),
    "currency": ("!!", "QQQ"),
    "json": ("{", "[1]"),
    "tags": (LONG,),
}


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


@pytest.fixture(scope="module")
async def readers(gate) -> dict[str, Browser]:
    """An administrator who reads English, and one who reads Indonesian."""
    found = {"en": await clerk(gate, "admin"), "id": await clerk(gate, "admin")}
    likes = {"locale": "id", "timezone": "Asia/Jakarta", "mode": "system"}
    await found["id"].post("/app/account/likes/", likes, page="/app/account/")
    return found


def wrong_texts(field) -> Iterator[str]:
    """Yield texts that a field does not take, one per kind of refusal."""
    yield from KINDS.get(field.kind, ())
    if field.required and field.kind != "boolean":
        yield ""
    if field.max_length is not None and field.kind == "text":
        yield "x" * (field.max_length + 1)
    if field.minimum is not None:
        yield str(field.minimum - 1)
    if field.maximum is not None:
        yield str(field.maximum + 1)
    if field.kind == "link":
        yield "Nobody is called this"


def links(field) -> bool:
    """Whether people choose a record in a field."""
    return field.kind == "link" and not field.system and not field.readonly


def wrong_slots(slot) -> Iterator[str]:
    """Yield texts that a field of an action does not take."""
    if slot.required:
        yield ""
    if slot.target or isinstance(slot.type, inspect.UUIDType):
        yield "Nobody is called this"
    elif slot.choices:
        yield "nonsense"
    elif isinstance(slot.type, inspect.IntType):
        yield from ("abc",) if slot.loose else ("abc", "1.5")
        if slot.type.le is not None:
            yield str(slot.type.le + 1)
        if slot.type.ge is not None:
            yield str(slot.type.ge - 1)
    elif isinstance(slot.type, inspect.StrType) and slot.type.max_length:
        yield "x" * (slot.type.max_length + 1)
    elif isinstance(slot.type, inspect.DateTimeType):
        yield "soon"
    elif isinstance(slot.type, inspect.FloatType | inspect.DecimalType):
        yield "abc"


def rounds(wrong: dict[str, list[str]]) -> list[dict[str, str]]:
    """Return forms in which as many fields as there are have one of their wrong texts."""
    return [
        {name: texts[place] for name, texts in wrong.items() if place < len(texts)}
        for place in range(max(map(len, wrong.values()), default=0))
    ]


def spread(typed: dict[str, str], form: dict[str, str]) -> dict[str, str]:
    """Return what a browser sends for texts: a lookup sends the words beside its id as well."""
    sent = dict(form)
    for name, text in typed.items():
        sent[name] = text
        if f"{name}_text" in form:
            sent[f"{name}_text"], sent[name] = text, text if text == NOBODY else ""
    return sent


def field_errors(text: str) -> dict[str, str]:
    """Return the error message beside each field of a page."""
    found = MESSAGE.findall(text)
    return {
        id.removeprefix("field-").removesuffix("-error"): unescape(words).strip()
        for id, words in found
    }


def check_refusal(answer, typed: dict[str, str], path: str) -> dict[str, str]:
    """Check the errors of one refused form; return the message beside each field."""
    assert 400 <= answer.status_code < 500, (path, answer.status_code, typed)
    said, kept = field_errors(answer.text), fields(answer.text, path)
    for name, text in typed.items():
        beside = part(answer.text, name)
        assert name in said, (path, name, text, sorted(said))
        assert f"field-{name}-error" in re.findall(r'aria-describedby="([^"]*)"', beside)[0], name
        assert 'aria-invalid="true"' in beside or 'data-invalid="true"' in beside, name
        words = said[name]
        assert len(words) > 15, words
        assert words[-1] in ".!", words
        assert not INSIDE.search(words), (name, words)
        assert "/do/" in path or f'href="#field-{name}"' in answer.text, name
        shown = kept.get(f"{name}_text") or kept.get(name, "")
        options = "<option" in beside or "combobox" in beside
        assert shown == text or options, (path, name, text, shown)
    return said


async def hold(readers, path: str, all_rounds: list[dict[str, str]]) -> None:
    """Send each round to both readers: each is told everything, in his own language."""
    for typed in all_rounds:
        said = {}
        for language, browser in readers.items():
            page = await browser.get(path)
            assert page.status_code == 200, (path, page.status_code)
            form = fields(page.text, path)
            here = {n: t for n, t in typed.items() if n in form}
            answer = await browser.post(path, spread(here, form))
            said[language] = check_refusal(answer, here, path)
        for name in said["en"].keys() & typed.keys():
            assert said["id"][name] != said["en"][name], said["en"][name]


@pytest.mark.parametrize(("name", "verb"), FORMS, ids=lambda v: str(v))
async def test_a_form_tells_beside_each_field_what_to_do(world, readers, name, verb):
    """Every refusal of the API shows beside its field, with what to do."""
    entity = REGISTRY.entities[name]
    path = f"/app/{entity.resource}/new/"
    found = rounds({f.name: list(wrong_texts(f)) for f in entity.fields.values() if not f.system})
    if verb == "update":
        path = f"/app/{entity.resource}/{await world.plant(name)}/edit/"
        # That a record is not there shows once the rest is good.
        found += [{f.name: NOBODY} for f in entity.fields.values() if links(f)]
    await hold(readers, path, found)


@pytest.mark.parametrize(("name", "deed"), DEEDS, ids=lambda v: str(v))
async def test_an_action_tells_beside_each_field_what_to_do(world, readers, name, deed):
    entity = REGISTRY.entities[name]
    action = next(a for a in REGISTRY.actions[name] if a.name == deed)
    path = f"/app/{entity.resource}/{await world.plant(name)}/do/{deed}/"
    wrong = {s.name: list(wrong_slots(s)) for s in slots(action.values, lambda n: "x")}
    await hold(readers, path, rounds(wrong))


UNIQUE = [
    (entity.name, field.name)
    for entity in REGISTRY.entities.values()
    if {"create", "view"} <= set(entity.verbs) and entity.plugin != "core"
    for field in entity.fields.values()
    if field.unique and not field.readonly and field.kind != "link"
]


@pytest.mark.parametrize(("name", "field"), UNIQUE, ids=lambda v: str(v))
async def test_a_duplicate_is_reported_beside_its_field(world, readers, name, field):
    """Duplicate of a unique value, on create and on change."""
    entity = REGISTRY.entities[name]
    await world.plant(name)
    one, other = await world.plant(name), await world.plant(name)
    stored = await readers["en"].get(f"/app/{entity.resource}/{one}/edit/")
    taken = fields(stored.text, f"/app/{entity.resource}/{one}/edit/")[field]
    path = f"/app/{entity.resource}/{other}/edit/"
    said = {}
    for language, browser in readers.items():
        form = fields((await browser.get(path)).text, path)
        answer = await browser.post(path, {**form, field: taken})
        said[language] = check_refusal(answer, {field: taken}, path)[field]
    assert said["en"] != said["id"]
