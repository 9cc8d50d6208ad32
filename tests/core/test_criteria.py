"""Criteria are checked, explained and compiled; hostile ones are refused and never reach SQL."""

import os
import re
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from core.criteria import Checked, explain, from_parameters, parse_and_check
from core.errors import FieldError, Invalid
from tests.core import criteria_attacks as attacks
from tests.core import criteria_world as world
from tests.core.criteria_world import ENTITIES, PERSON, TERMS, Reader

EXAMPLES = int(os.environ.get("CRITERIA_EXAMPLES", "2000"))
ID = "0195a3f0-0000-7000-8000-00000000000a"


def term(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def check(tree: Any, **options: Any) -> Checked:
    rights = options.pop("rights", None) or Reader()
    return parse_and_check(tree, PERSON, ENTITIES, rights, TERMS, **options)


def refused(tree: Any, **options: Any) -> tuple[FieldError, ...]:
    with pytest.raises(Invalid) as found:
        check(tree, **options)
    return found.value.errors


def parameters(*pairs: tuple[str, str]) -> dict[str, Any]:
    return from_parameters(pairs, PERSON, ENTITIES, Reader(), TERMS)


def wrong_parameters(*pairs: tuple[str, str]) -> tuple[FieldError, ...]:
    with pytest.raises(Invalid) as found:
        parameters(*pairs)
    return found.value.errors


@pytest.mark.parametrize(
    ("tree", "sql", "values"),
    [
        (term("points", ">=", 5), 'c."points" >= $2::int8', [5]),
        (term("name", "=", "A%"), 'c."name" = $2::text', ["A%"]),
        (term("name", "!=", "A"), 'c."name" IS DISTINCT FROM $2::text', ["A"]),
        (term("name", "contains", "%"), 'strpos(c."name_key", crm_fold($2::text)) > 0', ["%"]),
        (term("name", "starts_with", "a"), 'c."name_key" ^@ crm_fold($2::text)', ["a"]),
        (term("notes", "starts_with", "a"), 'crm_fold(c."notes") ^@ crm_fold($2::text)', ["a"]),
        (term("phone", "=", "08123456789"), 'c."phone" = $2::text', ["+628123456789"]),
        (term("rate", "<", "0.5"), 'c."rate" < $2::int8', [50]),
        (term("wage", "between", [1, "2"]), None, [100, 200]),
        (term("points", "in", [1, 2]), 'c."points" = ANY($2::int8[])', [[1, 2]]),
        (term("points", "not_in", []), '(c."points" = ANY($2::int8[])) IS NOT TRUE', [[]]),
        (term("tags", "contains", "x"), '$2::text = ANY(c."tags")', ["x"]),
        (term("notes", "is_empty", True), '(c."notes" IS NULL OR c."notes" = \'\')', []),
        (term("points", "is_empty", False), '((c."points" IS NULL)) IS NOT TRUE', []),
        (term("extra", "is_empty", True), None, []),
        (term("company", "is_empty", True), '(c."company_id" IS NULL)', []),
        (term("id", "=", ID), 'c."id" = $2::uuid', [world.UUID(ID)]),
        ({"not": term("active", "=", True)}, '((c."active" = $2::boolean) IS NOT TRUE)', [True]),
        ({"all": []}, "true", []),
        ({"any": []}, "false", []),
    ],
)
def test_each_form_compiles(tree: Any, sql: str | None, values: list[Any]) -> None:
    checked = check(tree)
    assert checked.values == values
    assert sql is None or checked.sql("c", 2) == sql


def test_links_become_exists_with_tenant_trash_and_visibility() -> None:
    checked = check(term("company.parent_id.name", "=", "A"))
    assert checked.sql("c", 4) == (
        'EXISTS (SELECT 1 FROM "work_company" k1 WHERE k1."tenant_id" = $1'
        ' AND k1."deleted_at" IS NULL AND k1."id" = c."company_id"'
        " AND (k1.city IS DISTINCT FROM 'Hidden')"
        ' AND EXISTS (SELECT 1 FROM "work_company" k2 WHERE k2."tenant_id" = $1'
        ' AND k2."deleted_at" IS NULL AND k2."id" = k1."parent_id"'
        " AND (k2.city IS DISTINCT FROM 'Hidden') AND k2.\"name\" = $4::text))"
    )


def test_equal_shapes_give_equal_sql_whatever_the_values() -> None:
    one = check({"all": [term("points", "in", [1]), term("name", "=", "a")]})
    two = check({"all": [term("points", "in", [1, 2, 3]), term("name", "=", "b")]})
    assert one.shape == two.shape
    assert hash(one.shape) == hash(two.shape)
    assert one.sql("c", 2) == two.sql("c", 2)
    assert check(term("points", "=", 1)).shape != check(term("points", "<", 1)).shape


def test_a_day_compared_with_a_time_means_the_whole_day() -> None:
    start, end = datetime(2025, 3, 1, 17, tzinfo=UTC), datetime(2025, 3, 2, 17, tzinfo=UTC)
    with time_machine.travel(datetime(2025, 3, 2, 5, tzinfo=UTC), tick=False):
        checked = check(term("seen_at", "=", "today"))
        assert checked.values == [start, end]
        assert checked.sql("c", 2) == (
            '(c."seen_at" >= $2::timestamptz AND c."seen_at" < $3::timestamptz)'
        )
        assert check(term("seen_at", "<=", "today")).values == [end]
        assert check(term("seen_at", "<=", "now")).values == [datetime(2025, 3, 2, 5, tzinfo=UTC)]


def test_every_problem_is_listed_with_its_pointer() -> None:
    errors = refused(
        {
            "all": [
                term("points", "~", 5),
                {"any": [term("nmae", "=", "x"), term("points", "in", [1, "a", 2**70])]},
                {"not": {"field": "name", "op": "=", "value": "x", "or": 1}},
                {"all": {}, "any": []},
                5,
                {"field": "name"},
                term("born", "between", ["today"]),
                term("name", "=", None),
                term("active", "is_empty", "yes"),
            ]
        }
    )
    assert [(e.pointer, e.code) for e in errors] == [
        ("#/all/0/op", "unknown_operator"),
        ("#/all/1/any/0/field", "unknown_field"),
        ("#/all/1/any/1/value/1", "type"),
        ("#/all/1/any/1/value/2", "range"),
        ("#/all/2/not", "unknown_key"),
        ("#/all/3", "keys"),
        ("#/all/4", "type"),
        ("#/all/5/op", "required"),
        ("#/all/5/value", "required"),
        ("#/all/6/value", "count"),
        ("#/all/7/value", "null"),
        ("#/all/8/value", "type"),
    ]
    assert errors[0].allowed[:3] == ("=", "!=", "in")
    assert "name" in errors[1].allowed


@pytest.mark.parametrize("way", ["{}", "company.{}", "company.parent.{}"])
def test_unreadable_and_unknown_fields_are_refused_alike(way: str) -> None:
    """E8: twenty predicates on a hidden field tell nothing, not even that it exists."""
    hidden = way.format("margin" if "company" in way else "secret")
    for op in ("=", "!=", "<", "in", "contains", "starts_with", "is_empty", "between", "bad"):
        for value in ("a", 1, True, None, ["a"]):
            unknown = hidden[:-2] + "zz"
            first, second = refused(term(hidden, op, value)), refused(term(unknown, op, value))
            assert len(first) == 1
            assert first[0].code == "unknown_field"
            assert hidden not in first[0].allowed
            assert first[0].detail.replace(hidden, "") == second[0].detail.replace(unknown, "")
            assert first[0].allowed == second[0].allowed


def test_links_to_entities_without_rights_are_unknown() -> None:
    rights = Reader()
    rights.allowed["work.company"] = set()
    assert refused(term("company.city", "=", "A"), rights=rights)[0].code == "unknown_field"
    rights.allowed["work.company"] = {"list"}
    assert check(term("company.city", "=", "A"), rights=rights).values == ["A"]
    blind = Reader(hidden=frozenset({"company_id"}))
    assert refused(term("company.city", "=", "A"), rights=blind)[0].code == "unknown_field"


def test_only_declared_filters_unless_code_wrote_the_criteria() -> None:
    assert refused(term("quiet", "=", "x"))[0].code == "unknown_field"
    assert check(term("quiet", "=", "x"), trusted=True).values == ["x"]
    assert refused(term("secret", "=", "x"), trusted=True)[0].code == "unknown_field"
    assert refused(term("created_by.name", "=", "x"))[0].code == "unknown_field"


def nested(levels: int) -> Any:
    tree: Any = term("points", "=", 1)
    for _ in range(levels):
        tree = {"not": tree}
    return tree


def test_depth_and_number_are_bounded() -> None:
    assert check(nested(5)).values == [1]
    assert refused(nested(6))[0].code == "too_deep"
    assert refused(nested(900))[0].code == "too_deep"
    ten = {"any": [term("points", "=", 1)] * 10}
    assert len(check({"all": [ten] * 3}).values) == 30
    assert [e.code for e in refused({"all": [ten] * 4})] == ["too_many"]
    assert refused({"all": [term("points", "=", 1)] * 31})[0].code == "too_many"
    assert refused({"all": [{"all": [{"any": []}] * 30}] * 30})[0].code == "too_deep"
    assert check(term("points", "in", [1] * 1000)).values == [[1] * 1000]
    assert refused(term("points", "in", [1] * 1001))[0].code == "too_many"
    assert refused(term("name", "=", "x" * 1001))[0].code == "max_length"
    assert refused(term("company.parent.parent.city", "=", "x"))[0].code == "too_deep"


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (
            {
                "all": [
                    term("points", ">=", 500),
                    term("company.city", "in", ["Jakarta", "Bandung"]),
                ]
            },
            "Points is at least 500 and Company's City is Jakarta or Bandung",
        ),
        (
            {"all": [{"any": [term("level", "=", "a"), term("active", "=", True)]}, nested(1)]},
            "(Level is Gold or Active is yes) and not (Points is 1)",
        ),
        (term("born", "<", "-18y"), "Born is before 18 years ago"),
        (term("born", ">=", "start_of_month"), "Born is on or after the start of this month"),
        (term("seen_at", "<=", "+1d"), "Seen is on or before in 1 day"),
        (term("points", "between", [1, 5]), "Points is between 1 and 5"),
        (term("points", "not_in", list(range(8))), "Points is not one of 0, 1, 2, 3, 4 and 3 more"),
        (term("notes", "is_empty", False), "Notes is not empty"),
        (term("name", "starts_with", "A"), "Name starts with A"),
        ({"all": []}, "every record"),
        ({"any": []}, "no record"),
    ],
)
def test_criteria_explain_themselves(tree: Any, sentence: str) -> None:
    assert explain(tree, PERSON, ENTITIES) == sentence
    assert explain(check(tree), PERSON, ENTITIES) == sentence


def test_parameters_become_criteria() -> None:
    tree = parameters(
        ("name", "Ann"),
        ("points__gte", "5"),
        ("points__in", "1,2"),
        ("name__icontains", "50%"),
        ("name__startswith", "A"),
        ("name__ne", "B"),
        ("company", ID),
        ("company_id__isnull", "false"),
        ("company.city", "Jakarta"),
        ("tags", "vip"),
        ("active", "true"),
        ("created_at__lt", "-7d"),
        ("wage__lte", "100.50"),
    )
    assert tree == {
        "all": [
            term("name", "=", "Ann"),
            term("points", ">=", 5),
            term("points", "in", [1, 2]),
            term("name", "contains", "50%"),
            term("name", "starts_with", "A"),
            term("name", "!=", "B"),
            term("company", "=", ID),
            term("company_id", "is_empty", False),
            term("company.city", "=", "Jakarta"),
            term("tags", "contains", "vip"),
            term("active", "=", True),
            term("created_at", "<", "-7d"),
            term("wage", "<=", "100.50"),
        ]
    }
    assert len(check(tree).values) == 12


def test_wrong_parameters_are_all_refused() -> None:
    """rest.md 3: a mistyped parameter must not return everything."""
    errors = wrong_parameters(
        ("nmae", "x"),
        ("secret", "x"),
        ("quiet", "x"),
        ("points__foo", "1"),
        ("points__icontains", "1"),
        ("points", "9" * 25),
        ("company", "5"),
        ("name", "a"),
        ("name", "b"),
        ("active__isnull", "2"),
        ("name__icontains", ""),
        ("points__in", "1," * 1000 + "1"),
        ("company.margin", "1"),
    )
    assert [(e.pointer, e.code) for e in errors] == [
        ("?nmae", "unknown_parameter"),
        ("?secret", "unknown_parameter"),
        ("?quiet", "unknown_parameter"),
        ("?points__foo", "unknown_parameter"),
        ("?points__icontains", "unknown_operator"),
        ("?points", "type"),
        ("?company", "uuid"),
        ("?name", "repeated_parameter"),
        ("?active__isnull", "type"),
        ("?name__icontains", "blank"),
        ("?points__in", "too_many"),
        ("?company.margin", "unknown_parameter"),
    ]
    assert "name" in errors[0].allowed
    assert "secret" not in errors[0].allowed
    assert errors[4].allowed == ("=", "__ne", "__in", "__isnull", "__lt", "__lte", "__gt", "__gte")


# A11: whatever comes in, only these words and signs may come out.
TOKEN = re.compile(
    r"""\s+|\$\d+::(text|int8|boolean|date|timestamptz|uuid|float8|jsonb)(\[\])?|\$1(?!\d)"""
    r"""|(c|k1|k2)\."(?P<column>\w+)"|"work_company"|\bk[12]\b(\.city\b)?|'Hidden'|''|'\{\}'::jsonb"""
    r"""|\b(AND|OR|NOT|IS|NULL|TRUE|true|false|DISTINCT|FROM|ANY|EXISTS|SELECT|WHERE|strpos|crm_fold"""
    r"""|cardinality|lower)\b|\b[01]\b|<=|>=|\^@|[=<>(),]"""
)
COLUMNS = {*PERSON.fields, *world.COMPANY.fields, "name_key", "tenant_id"} - {"secret", "margin"}


def only_our_words(sql: str) -> bool:
    place = 0
    while place < len(sql):
        found = TOKEN.match(sql, place)
        if found is None or (found["column"] and found["column"] not in COLUMNS):
            return False
        place = found.end()
    return True


def test_the_check_for_foreign_words_sees_them() -> None:
    assert only_our_words(check(term("company.name", "!=", "x")).sql("c", 2))
    for sql in ('c."secret" = $2::text', 'c."name" = zzuserzz', 'c."name" = 2', "c.\"name\" = 'x'"):
        assert not only_our_words(sql)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_any_tree_is_checked_or_refused(seed: int) -> None:
    """A11, A13: only Checked or Invalid, and nobody's text in the SQL."""
    try:
        checked = check(attacks.tree(Random(seed)))
    except Invalid as invalid:
        assert_presentable(invalid)
        return
    sql = checked.sql("c", 2)
    assert only_our_words(sql), sql
    assert sorted(set(re.findall(r"\$(\d+)::", sql)), key=int) == [
        str(number) for number in range(2, 2 + len(checked.values))
    ]
    assert explain(checked, PERSON, ENTITIES)


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_any_parameters_are_accepted_or_refused(seed: int) -> None:
    """A11: what the parameters accept, the tree accepts as well."""
    try:
        tree = parameters(*attacks.pairs(Random(seed)))
    except Invalid as invalid:
        assert_presentable(invalid)
        return
    assert only_our_words(check(tree).sql("c", 2))


def assert_presentable(invalid: Invalid) -> None:
    assert invalid.errors
    for error in invalid.errors:
        assert error.detail.endswith(".")
        (error.pointer + error.detail).encode()
