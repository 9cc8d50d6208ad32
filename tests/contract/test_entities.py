"""Every entity: labels, columns and names resolve, and personal data says what happens to it."""

import pytest
from sqlalchemy import Computed

from core.model.entities import MOST_FIELDS, MOST_INDEXES, Declaration
from core.model.fields import Field
from core.model.standard_fields import STANDARD
from tests.contract.subjects import ENTITIES, REGISTRY, named

FIELDS = [
    (entity, field)
    for entity in ENTITIES
    for name, field in entity.fields.items()
    if name not in STANDARD
]
# Kinds that hold a person's words or ways to reach him unless the declaration says otherwise.
TELLING = {"email": "contact", "phone": "contact"}
# Addresses and numbers that belong to no person.
NOT_OF_A_PERSON = {
    "customers.company.email": "an organisation's address",
    "customers.company.phone": "an organisation's number",
}


def _field_name(subject: object) -> str:
    return subject.name if isinstance(subject, Declaration | Field) else str(subject)


@pytest.mark.parametrize("entity", ENTITIES, ids=named)
def test_words_are_there(entity: Declaration) -> None:
    assert entity.label == entity.label.strip() != ""
    assert entity.plural == entity.plural.strip() != ""
    assert entity.doc.endswith(".")
    assert entity.name == f"{entity.plugin}.{entity.table.removeprefix(entity.plugin + '_')}"


@pytest.mark.parametrize("entity", ENTITIES, ids=named)
def test_every_name_leads_to_a_field(entity: Declaration) -> None:
    names = {
        entity.title,
        *entity.columns,
        entity.order.lstrip("-"),
        *(n.lstrip("-") for names in entity.indexed for n in names),
        *(n for names in entity.unique for n in names),
        *(n for n in (entity.subject, entity.responsible) if n),
        *(n for a in entity.aggregates for n in (a.field, a.by) if n),
        *(n for f in entity.named_filters for n in f.uses),
        *(f.currency for f in entity.fields.values() if f.currency),
    }
    assert [name for name in sorted(names) if entity.field(name) is None] == []


@pytest.mark.parametrize("entity", ENTITIES, ids=named)
def test_no_more_than_people_can_survey(entity: Declaration) -> None:
    own = [f for f in entity.fields.values() if f.plugin == entity.plugin and not f.system]
    assert len(own) <= MOST_FIELDS + 1
    assert len(entity.indexed) <= MOST_INDEXES
    assert len(entity.columns) <= 8


@pytest.mark.parametrize("entity", ENTITIES, ids=named)
def test_keys_of_figures_and_filters_are_unique(entity: Declaration) -> None:
    figures = [a.key for a in entity.aggregates]
    assert len(set(figures)) == len(figures)
    filters = [f.key for f in entity.named_filters]
    assert len(set(filters)) == len(filters)
    assert not set(filters) & set(entity.fields)


@pytest.mark.parametrize("entity", ENTITIES, ids=named)
def test_grants_name_rights_that_exist(entity: Declaration) -> None:
    known = REGISTRY.rights(entity)
    for grant in REGISTRY.grants:
        if grant.entity == entity.name:
            assert set(grant.actions) <= known
            assert grant.role in REGISTRY.roles


@pytest.mark.parametrize(("entity", "field"), FIELDS, ids=_field_name)
def test_field_says_what_it_is(entity: Declaration, field: Field) -> None:
    assert field.label == field.label.strip() != ""
    assert field.plugin in REGISTRY.plugins
    if field.plugin != entity.plugin:
        assert field.name.startswith(f"{field.plugin}_")
        assert not field.required
    if field.kind == "link":
        assert field.target in REGISTRY.entities
        assert field.name.endswith("_id")
    if field.kind == "choice":
        assert bool(field.choices) != bool(field.dictionary)
        assert field.dictionary is None or field.dictionary in REGISTRY.dictionaries
    if field.kind == "money":
        assert entity.fields[str(field.currency)].kind == "currency"


@pytest.mark.parametrize(("entity", "field"), FIELDS, ids=_field_name)
def test_field_rules_name_roles_that_exist(entity: Declaration, field: Field) -> None:
    known = {*REGISTRY.roles, "admin"}
    assert set(field.readonly_for) <= known
    assert field.audience == "all" or set(field.audience) <= known


@pytest.mark.parametrize(("entity", "field"), FIELDS, ids=_field_name)
def test_personal_field_says_so(entity: Declaration, field: Field) -> None:
    place = f"{entity.name}.{field.name}"
    if field.kind in TELLING and place not in NOT_OF_A_PERSON:
        assert field.pii == TELLING[field.kind]
    if field.pii in ("identity", "contact", "location"):
        assert field.erase != "keep"


@pytest.mark.parametrize(("entity", "field"), FIELDS, ids=_field_name)
def test_only_stored_fields_filter_and_sort(entity: Declaration, field: Field) -> None:
    if field.filter or field.sort:
        assert field.stored
    if field.sql and field.stored:
        declared = vars(entity.cls).get(field.name)
        computed = getattr(getattr(declared, "column", None), "computed", None)
        assert field.plugin != entity.plugin or isinstance(computed, Computed)


def test_exemptions_are_alive() -> None:
    places = {f"{entity.name}.{field.name}" for entity, field in FIELDS}
    plugins = {name.partition(".")[0] for name in REGISTRY.entities}
    alive = {p for p in NOT_OF_A_PERSON if p.partition(".")[0] in plugins}
    assert alive <= places
