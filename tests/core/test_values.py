"""One JSON value to the database and back, per kind: what is taken, what is refused and how."""

import asyncio
import math
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
import time_machine
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.conversion import (
    Terms,
    WrongValue,
    digits,
    from_database,
    from_text,
    missing,
    operand,
    to_database,
)
from core.model.fields import Field
from core.model.types import INT8

TERMS = Terms("ID", "IDR", "Asia/Jakarta", lambda name: ("walk_in", "referral"))
ID = "0195a3f0-0000-7000-8000-00000000000a"
SURROGATE = chr(0xD800)
ARABIC_ONE = chr(0x661)


def made(kind: str, **attributes: Any) -> Field:
    return Field(**({"name": "thing", "label": "Thing", "kind": kind} | attributes))


def deep(levels: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(levels - 1):
        tree = {"a": tree}
    return tree


GOOD = [
    (made("text"), " as it is ", " as it is "),
    (made("text"), "", ""),
    (made("email"), "Ann@ACME.example", "ann@acme.example"),
    (made("email"), "a@example.com", "a@example.com"),
    (made("email"), "a@mail.test", "a@mail.test"),
    (made("email"), "", None),
    (made("phone"), "08123456789", "+628123456789"),
    (made("phone"), "+1 (555) 010-0100", "+15550100100"),
    (made("phone"), "", None),
    (made("integer"), -(2**31), -(2**31)),
    (made("integer", maximum=INT8[1]), 2**40, 2**40),
    (made("decimal", scale=2), "12.5", 1250),
    (made("decimal", scale=2), 12, 1200),
    (made("decimal", scale=2), 0.1, 10),
    (made("decimal", scale=2), "12.500", 1250),
    (made("decimal", scale=2), Decimal("-0.01"), -1),
    (made("boolean"), False, False),
    (made("date"), "2024-02-29", date(2024, 2, 29)),
    (made("date"), date(2024, 2, 29), date(2024, 2, 29)),
    (made("datetime"), "2025-01-01T00:00:00Z", datetime(2025, 1, 1, tzinfo=UTC)),
    (made("datetime"), "2025-01-01T07:00:00", datetime(2025, 1, 1, tzinfo=UTC)),
    (made("datetime"), "2025-01-01T09:00:00+09:00", datetime(2025, 1, 1, tzinfo=UTC)),
    (made("money"), "2500000", 250000000),
    (made("money"), 0.29, 29),
    (made("money"), "92233720368547758.07", INT8[1]),
    (made("currency"), "usd", "USD"),
    (made("choice", choices=(("a", "A"),)), "a", "a"),
    (made("choice", dictionary="work.source"), "walk_in", "walk_in"),
    (made("choice", dictionary="work.source"), "", None),
    (made("tags"), ["b", "a", "b"], ["b", "a"]),
    (made("json"), {"a": [1, 2.5, None, True, "é"]}, '{"a":[1,2.5,null,true,"é"]}'),
    (made("json"), deep(32), msgspec.json.encode(deep(32)).decode()),
    (made("link"), ID, UUID(ID)),
    (made("link"), UUID(ID), UUID(ID)),
    (made("number"), 2, 2.0),
    (made("text"), None, None),
]
BAD = [
    (made("text"), 5, "type", "must be text"),
    (made("text"), "a\0b", "characters", "cannot be stored"),
    (made("text"), SURROGATE, "characters", "cannot be stored"),
    (made("text", max_length=3), "four", "max_length", "more than 3 characters"),
    (made("text", required=True), " \t", "required", "Thing is required"),
    (made("text", nullable=False), None, "null", "Thing is required"),
    (made("email"), "ann", "email", "valid e-mail"),
    (made("email"), "a" * 300 + "@example.com", "max_length", "too long"),
    (made("email", nullable=False), "", "email", "valid e-mail"),
    (made("phone"), "12", "phone", "region ID"),
    (made("phone"), "+62 812 345 6789 ext 5", "phone", "region ID"),
    (made("phone"), "9" * 50, "max_length", "too long"),
    (made("integer"), True, "type", "whole number"),
    (made("integer"), 1.0, "type", "whole number"),
    (made("integer"), "1", "type", "whole number"),
    (made("integer"), 2**31, "maximum", "at most 2147483647"),
    (made("integer"), 10**400, "range", "out of range"),
    (made("integer", minimum=0), -1, "minimum", "at least 0"),
    (made("decimal", scale=2), "0.001", "decimals", "at most 2 decimals"),
    (made("decimal", scale=2), "1.0000000000000000000000001", "decimals", "at most 2 decimals"),
    (made("decimal", scale=2), "1e5", "type", "must be a number"),
    (made("decimal", scale=2), "1_0", "type", "must be a number"),
    (made("decimal", scale=2), ARABIC_ONE, "type", "must be a number"),
    (made("decimal", scale=2), True, "type", "must be a number"),
    (made("decimal", scale=2, maximum=1), "1.01", "maximum", "at most 1"),
    (made("boolean"), 1, "type", "true or false"),
    (made("boolean"), "true", "type", "true or false"),
    (made("date"), "20240101", "date", "must be a date"),
    (made("date"), "2023-02-29", "date", "must be a date"),
    (made("date"), "today", "date", "must be a date"),
    (made("date"), SURROGATE, "date", "must be a date"),
    (made("datetime"), SURROGATE, "datetime", "date and time"),
    (made("datetime"), "2024-01-01", "datetime", "date and time"),
    (made("datetime"), "0001-01-01T00:00:00", "datetime", "date and time"),
    (made("datetime"), 5, "datetime", "date and time"),
    (made("money"), "0.001", "decimals", "at most 2 decimals"),
    (made("money"), "92233720368547758.08", "range", "out of range"),
    (made("money"), 1e300, "range", "out of range"),
    (made("money"), math.nan, "type", "must be a number"),
    (made("money"), math.inf, "type", "must be a number"),
    (made("money"), "NaN", "type", "must be a number"),
    (made("currency"), "ABC", "currency", "ISO 4217"),
    (made("choice", choices=(("a", "A"),)), "b", "choice", "one of: a"),
    (made("choice", dictionary="work.source"), "x", "choice", "one of: walk_in, referral"),
    (made("tags"), "vip", "type", "list"),
    (made("tags"), [" "], "max_length", "1 to 50"),
    (made("tags"), ["a" * 51], "max_length", "1 to 50"),
    (made("tags"), ["a"] * 51, "max_items", "more than 50"),
    (made("tags"), [1], "type", "must be text"),
    (made("json"), [1], "type", "object"),
    (made("json"), deep(33), "depth", "deeper than 32"),
    (made("json"), {"a": "x" * 16384}, "too_large", "16 KiB"),
    (made("json"), {"a\0": 1}, "characters", "cannot be stored"),
    (made("json"), {"a": [SURROGATE]}, "characters", "cannot be stored"),
    (made("json"), {"a": math.inf}, "type", "number"),
    (made("json"), {"a": 2**70}, "range", "out of range"),
    (made("link"), "5", "uuid", "UUID"),
    (made("link"), "{" + ID + "}", "uuid", "UUID"),
    (made("number"), math.nan, "type", "must be a number"),
    (made("number"), 10**400, "range", "out of range"),
]


@pytest.mark.parametrize(("field", "value", "expected"), GOOD)
def test_good_values_become_what_the_driver_takes(field: Field, value: Any, expected: Any) -> None:
    found = to_database(field, value, TERMS)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("field", "value", "code", "words"), BAD)
def test_bad_values_are_refused_with_a_reason(
    field: Field, value: Any, code: str, words: str
) -> None:
    """A13: NUL, surrogates, overflow, NaN and depth end in a refusal, never in the driver."""
    with pytest.raises(WrongValue, match=words) as refused:
        to_database(field, value, TERMS)
    assert refused.value.code == code


def test_choices_are_listed_in_the_refusal() -> None:
    with pytest.raises(WrongValue) as refused:
        to_database(made("choice", dictionary="work.source"), "x", TERMS)
    assert refused.value.allowed == ("walk_in", "referral")
    assert missing(made("text")).code == "required"


def test_validators_run_last_and_may_change_the_value() -> None:
    def even(value: int) -> int:
        if value % 2:
            raise ValueError("Thing must be even.")
        return value // 2

    field = made("integer", validators=(even,))
    assert to_database(field, 4, TERMS) == 2
    with pytest.raises(WrongValue, match="must be even"):
        to_database(field, 3, TERMS)
    assert operand(field, 3, TERMS) == 3


def test_amounts_have_the_digits_of_their_currency() -> None:
    """Ruling 23: money stored is a string."""
    field = made("money")
    show = from_database(field)
    assert show is not None
    assert [digits(code) for code in ("IDR", "JPY", "KWD")] == [2, 0, 3]
    assert show(to_database(field, "2500000", TERMS), "IDR") == "2500000.00"
    assert show(to_database(field, "12", TERMS, "JPY"), "JPY") == "12"
    assert show(to_database(field, "-0.005", TERMS, "KWD"), "KWD") == "-0.005"
    assert show(None, "IDR") is None
    with pytest.raises(WrongValue, match="at most 0 decimals"):
        to_database(field, "1.5", TERMS, "JPY")


@given(units=st.integers(-INT8[1], INT8[1]), scale=st.integers(0, 8))
def test_decimals_survive_the_round_trip(units: int, scale: int) -> None:
    field = made("decimal", scale=scale)
    show = from_database(field)
    assert show is not None
    assert to_database(field, show(units, None), TERMS) == units


ADDRESSES = st.builds(
    "{}@{}".format,
    st.text("aB.9'+_-é \"@(", max_size=6) | st.text(max_size=3) | st.just("a" * 64),
    st.text("aB.9-_é", max_size=8).map(lambda text: f"{text}.com")
    | st.sampled_from(("xn--bcher-kva.example", "[127.0.0.1]", "bücher.example", "a.local", "x.c")),
)


@given(address=ADDRESSES)
@settings(max_examples=500)
def test_an_address_is_what_the_library_makes_of_it(address: str) -> None:
    """Domains are looked at once and kept: what is taken and refused is the same."""
    expected: str | None = None
    with suppress(EmailNotValidError):
        found = validate_email(address.strip(), check_deliverability=False, test_environment=True)
        expected = found.normalized.lower()
    if expected is None:
        with pytest.raises(WrongValue):
            to_database(made("email"), address, TERMS)
    else:
        assert to_database(made("email"), address, TERMS) == expected


@pytest.mark.parametrize("kind", ["text", "integer", "link", "datetime", "tags", "json"])
def test_most_values_need_no_conversion_on_the_way_out(kind: str) -> None:
    assert from_database(made(kind)) is None


@pytest.mark.postgresql
def test_values_of_the_driver_encode_as_they_are(test_server: Any) -> None:
    """UUIDs of asyncpg are a class of its own, yet msgspec knows them."""

    async def ask() -> Any:
        connection = await asyncpg.connect(test_server.admin_url)
        row = await connection.fetchrow(
            f"SELECT '{ID}'::uuid, 5::int8, true, 'x'::text, '2025-01-01'::date,"
            " '2025-01-01T00:00:00Z'::timestamptz, ARRAY['a'], 1.5::float8, $1::jsonb",
            to_database(made("json"), {"a": "é"}, TERMS),
        )
        await connection.close()
        return row

    row = list(asyncio.run(ask()))
    assert msgspec.json.encode(row[:-1]).decode() == (
        f'["{ID}",5,true,"x","2025-01-01","2025-01-01T00:00:00Z",["a"],1.5]'
    )
    assert row[-1] == '{"a": "é"}'


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("today", date(2025, 3, 1)),
        ("yesterday", date(2025, 2, 28)),
        ("tomorrow", date(2025, 3, 2)),
        ("now", date(2025, 3, 1)),
        ("-7d", date(2025, 2, 22)),
        ("+3d", date(2025, 3, 4)),
        ("-2w", date(2025, 2, 15)),
        ("-1m", date(2025, 2, 1)),
        ("-1y", date(2024, 3, 1)),
        ("-24h", date(2025, 2, 28)),
        ("start_of_week", date(2025, 2, 24)),
        ("start_of_month", date(2025, 3, 1)),
        ("start_of_quarter", date(2025, 1, 1)),
        ("start_of_year", date(2025, 1, 1)),
        ("2024-12-31", date(2024, 12, 31)),
    ],
)
def test_relative_dates_are_read_in_the_tenants_zone(word: str, expected: date) -> None:
    with time_machine.travel(datetime(2025, 2, 28, 17, 30, tzinfo=UTC), tick=False):
        assert operand(made("date"), word, TERMS) == expected


def test_months_end_where_the_month_ends() -> None:
    with time_machine.travel(datetime(2025, 3, 31, 5, tzinfo=UTC), tick=False):
        assert operand(made("date"), "-1m", TERMS) == date(2025, 2, 28)
        assert operand(made("date"), "+11m", TERMS) == date(2026, 2, 28)
        assert operand(made("datetime"), "now", TERMS) == datetime(2025, 3, 31, 5, tzinfo=UTC)
        assert operand(made("datetime"), "today", TERMS) == date(2025, 3, 31)


@pytest.mark.parametrize(
    "word", ["-99999y", "+99999m", "+9d9", "-d", "soon", ARABIC_ONE + "d", SURROGATE, 5]
)
def test_impossible_dates_are_refused(word: Any) -> None:
    for kind in ("date", "datetime"):
        with pytest.raises(WrongValue):
            operand(made(kind), word, TERMS)


def test_a_day_at_the_end_of_the_calendar_has_no_instants() -> None:
    assert operand(made("date"), "9999-12-31", TERMS) == date.max
    for word in ("9999-12-31", "0001-01-01"):
        with pytest.raises(WrongValue, match="calendar"):
            operand(made("datetime"), word, TERMS)


@pytest.mark.parametrize(
    ("kind", "op", "text", "expected"),
    [
        ("boolean", "=", "true", True),
        ("boolean", "=", "0", False),
        ("integer", "=", "-5", -5),
        ("integer", "in", "1,2", [1, 2]),
        ("integer", "is_empty", "1", True),
        ("number", ">", "1.5", 1.5),
        ("money", ">=", "100.50", "100.50"),
        ("date", "=", "-7d", "-7d"),
        ("link", "=", ID, ID),
        ("text", "=", "5", "5"),
        ("text", "contains", "a,b", "a,b"),
    ],
)
def test_query_text_becomes_json(kind: str, op: str, text: str, expected: Any) -> None:
    assert from_text(made(kind), text, op, TERMS) == expected


@pytest.mark.parametrize(
    ("kind", "op", "text"),
    [
        ("boolean", "=", "yes"),
        ("integer", "=", "9" * 19),
        ("integer", "=", "9" * 30),
        ("integer", "in", "1,,2"),
        ("integer", "is_empty", "maybe"),
        ("number", "=", "nan"),
        ("money", "=", "Infinity"),
        ("date", "=", "2025-13-01"),
        ("link", "=", "5"),
        ("text", "=", "\0"),
        ("choice", "=", ""),
    ],
)
def test_wrong_query_text_is_refused(kind: str, op: str, text: str) -> None:
    with pytest.raises(WrongValue):
        from_text(made(kind, choices=(("a", "A"),)), text, op, TERMS)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["+62", "a@b", "@", "ext", "1e9", SURROGATE, "today", "-1m", 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
KINDS = list(Field.__annotations__["kind"].__args__)


@settings(max_examples=2000, deadline=None)
@given(kind=st.sampled_from(KINDS), value=JSON, nullable=st.booleans())
def test_any_json_is_accepted_or_refused(kind: str, value: Any, nullable: bool) -> None:
    """A13: no value ends in another exception."""
    field = made(kind, nullable=nullable, scale=2, choices=(("a", "A"),), required=not nullable)
    for convert in (to_database, operand):
        with suppress(WrongValue):
            convert(field, value, TERMS)
