"""Every entity: labels, columns and names resolve, and personal data says what happens to it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from sqlalchemy import Computed

from core.model.entities import MOST_FIELDS, MOST_INDEXES, Declaration
from core.model.fields import Field
from core.model.standard_fields import STANDARD
from tests.contract.subjects import ENTITIES, REGISTRY

FIELDS = [
    (entity, field)
    for entity in ENTITIES
    for name, field in entity.fields.items()
    if name not in STANDARD
]
# Kinds that hold a person's words or ways to reach them unless the declaration says otherwise.
TELLING = {"email": "contact", "phone": "contact"}
# Addresses and numbers that belong to no person.
NOT_OF_A_PERSON = {
    "customers.company.email": "an organisation's address",
    "customers.company.phone": "an organisation's number",
}


def offenders(rule: Callable[[Declaration], Iterable[str]]) -> list[str]:
    """Return what a rule has against each entity, with the entity's name before it."""
    return [f"{entity.name}: {problem}" for entity in ENTITIES for problem in rule(entity)]


def field_offenders(rule: Callable[[Declaration, Field], Iterable[str]]) -> list[str]:
    """Return what a rule has against each declared field, with the field's name before it."""
    return [
        f"{entity.name}.{field.name}: {problem}"
        for entity, field in FIELDS
        for problem in rule(entity, field)
    ]


def problems(rules: Mapping[str, object]) -> list[str]:
    """Return the names of the rules that do not hold."""
    return [name for name, holds in rules.items() if not holds]


def test_words_are_there() -> None:
    def rule(entity: Declaration) -> list[str]:
        table = f"{entity.plugin}.{entity.table.removeprefix(entity.plugin + '_')}"
        return problems(
            {
                "label": entity.label == entity.label.strip() != "",
                "plural": entity.plural == entity.plural.strip() != "",
                "doc ends with a full stop": entity.doc.endswith("."),
                "name is the plugin's and the table's": entity.name == table,
            }
        )

    assert offenders(rule) == []


def test_every_name_leads_to_a_field() -> None:
    def rule(entity: Declaration) -> list[str]:
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
        return [name for name in sorted(names) if entity.field(name) is None]

    assert offenders(rule) == []


def test_no_more_than_people_can_survey() -> None:
    def rule(entity: Declaration) -> list[str]:
        own = [f for f in entity.fields.values() if f.plugin == entity.plugin and not f.system]
        return problems(
            {
                f"at most {MOST_FIELDS + 1} fields": len(own) <= MOST_FIELDS + 1,
                f"at most {MOST_INDEXES} indexes": len(entity.indexed) <= MOST_INDEXES,
                "at most 8 columns": len(entity.columns) <= 8,
            }
        )

    assert offenders(rule) == []


def test_keys_of_figures_and_filters_are_unique() -> None:
    def rule(entity: Declaration) -> list[str]:
        figures = [a.key for a in entity.aggregates]
        filters = [f.key for f in entity.named_filters]
        return problems(
            {
                "figures": len(set(figures)) == len(figures),
                "filters": len(set(filters)) == len(filters),
                "filters are called like no field": not set(filters) & set(entity.fields),
            }
        )

    assert offenders(rule) == []


def test_grants_name_roles_and_rights_that_exist() -> None:
    def rule(entity: Declaration) -> Iterator[str]:
        for grant in REGISTRY.grants:
            if grant.entity == entity.name:
                yield from sorted(set(grant.actions) - REGISTRY.rights(entity))
                yield from {grant.role} - set(REGISTRY.roles)

    assert offenders(rule) == []


def test_fields_say_what_they_are() -> None:
    def rule(entity: Declaration, field: Field) -> list[str]:
        own = field.plugin == entity.plugin
        link, choice = field.kind == "link", field.kind == "choice"
        currency = entity.fields.get(str(field.currency))
        return problems(
            {
                "label": field.label == field.label.strip() != "",
                "plugin": field.plugin in REGISTRY.plugins,
                "an extension is named for its plugin": own
                or field.name.startswith(f"{field.plugin}_"),
                "an extension is not required": own or not field.required,
                "a link has a target": not link or field.target in REGISTRY.entities,
                "a link ends with _id": not link or field.name.endswith("_id"),
                "a choice has choices or a dictionary": not choice
                or bool(field.choices) != bool(field.dictionary),
                "the dictionary exists": field.dictionary is None
                or field.dictionary in REGISTRY.dictionaries,
                "money has a currency": field.kind != "money"
                or (currency is not None and currency.kind == "currency"),
            }
        )

    assert field_offenders(rule) == []


def test_field_rules_name_roles_that_exist() -> None:
    known = {*REGISTRY.roles, "admin"}

    def rule(_: Declaration, field: Field) -> list[str]:
        named = set(field.readonly_for)
        if field.audience != "all":
            named |= set(field.audience)
        return sorted(named - known)

    assert field_offenders(rule) == []


def test_personal_fields_say_so() -> None:
    def rule(entity: Declaration, field: Field) -> list[str]:
        impersonal = f"{entity.name}.{field.name}" in NOT_OF_A_PERSON
        marked = impersonal or field.kind not in TELLING or field.pii == TELLING[field.kind]
        personal = field.pii in ("identity", "contact", "location")
        return problems(
            {
                f"a {field.kind} is pii": marked,
                "erasure keeps it": not personal or field.erase != "keep",
            }
        )

    assert field_offenders(rule) == []


def test_only_stored_fields_filter_and_sort() -> None:
    def rule(entity: Declaration, field: Field) -> list[str]:
        declared = vars(entity.cls).get(field.name)
        computed = getattr(getattr(declared, "column", None), "computed", None)
        derived = field.sql and field.stored and field.plugin == entity.plugin
        return problems(
            {
                "filters or sorts but is not stored": field.stored
                or not (field.filter or field.sort),
                "is stored but not computed": not derived or isinstance(computed, Computed),
            }
        )

    assert field_offenders(rule) == []


def test_exemptions_are_alive() -> None:
    fields = {f"{entity.name}.{field.name}" for entity, field in FIELDS}
    plugins = {name.partition(".")[0] for name in REGISTRY.entities}
    alive = {name for name in NOT_OF_A_PERSON if name.partition(".")[0] in plugins}
    assert alive <= fields


def test_a_broken_rule_is_reported() -> None:
    assert problems({"holds": True, "is broken": None}) == ["is broken"]
    assert offenders(lambda entity: ["wrong"] if entity is ENTITIES[0] else []) == [
        f"{ENTITIES[0].name}: wrong"
    ]
