"""What a body may be (A13): everything strange is refused with 400, and nothing answers 5xx."""

import pytest

URL = "/api/devices/"
JSON = {"content-type": "application/json"}


async def post(world, who, raw, headers=JSON, url=URL, method="POST"):
    return await world.client.request(method, url, content=raw, headers={**who.headers, **headers})


def deep(levels, opening=b"[", closing=b"]"):
    return opening * levels + closing * levels


BROKEN = {
    "not json": b"name=Drill",
    "half": b'{"name": "Dri',
    "trailing": b'{"name": "a"} x',
    "two": b'{"name": "a"}{"name": "b"}',
    "comment": b'{"name": "a" /* why */}',
    "single quotes": b"{'name': 'a'}",
    "bad utf-8": b'{"name": "\xff"}',
    "overlong utf-8": b'{"name": "\xc0\xaf"}',
    "surrogate in utf-8": b'{"name": "\xed\xa0\x80"}',
    "utf-16": '{"name": "a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "half a surrogate pair": b'{"name": "\\ud800"}',
    "low surrogate": b'{"name": "\\uDC00x"}',
    "surrogate in a key": b'{"\\ud800": 1}',
    "nul": b'{"name": "a\\u0000b"}',
    "nul in a key": b'{"a\\u0000": 1}',
    "nul deep inside": b'{"name": "a", "custom": {"x": [{"y": "\\u0000"}]}}',
    "nul byte": b'{"name": "a\x00"}',
    "nan": b'{"name": "a", "ratio": NaN}',
    "infinity": b'{"name": "a", "ratio": Infinity}',
    "huge float": b'{"name": "a", "ratio": 1e999}',
    "huge integer": b'{"name": "a", "slots": ' + b"9" * 5000 + b"}",
    "integer beyond int8": b'{"name": "a", "slots": 9223372036854775808}',
    "integer beyond int4": b'{"name": "a", "slots": 2147483648}',
    "float for an integer": b'{"name": "a", "slots": 2.0}',
    "huge number in custom": b'{"name": "a", "custom": {"n": 1' + b"0" * 400 + b"}}",
    "huge amount": b'{"name": "a", "price": 1e30}',
    "long amount": b'{"name": "a", "price": "' + b"1" * 5000 + b'"}',
    "true for a number": b'{"name": "a", "slots": true}',
    "list": b"[]",
    "text": b'"name"',
    "null": b"null",
    "number": b"1",
    "33 levels": deep(33),
    "a million levels": deep(500_000),
    "33 levels in a field": b'{"name": "a", "custom": {"x": ' + deep(32) + b"}}",
    "objects in objects": b'{"a":' * 40 + b"1" + b"}" * 40,
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
async def test_what_is_not_a_record_is_refused(world, staff, raw):
    """A13: UTF-8, NUL, surrogates, depth, numbers: 400 with a code, on every door that reads."""
    for url, method in (
        (URL, "POST"),
        ("/api/devices/batch/", "POST"),
        ("/api/devices/bulk/", "POST"),
        ("/api/devices/query/", "POST"),
    ):
        answer = await post(world, staff, raw, url=url, method=method)
        assert answer.status_code == 400, (url, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_text_is_stored_unchanged(world, staff):
    for name in (
        "😀 \U0010ffff",
        "\u202eevil",
        "'; DROP TABLE x; --",
        "<script>",
        "\\u0000",
        "\x7f",
    ):
        made = await world.ask(staff, "POST", URL, {"name": name, "custom": {name: [name]}})
        assert made.status_code == 201, made.text
        assert made.json()["name"] == name
        assert made.json()["custom"] == {name: [name]}
    raw = b'{"name": "\\ud83d\\ude00 \\\\u0000"}'
    assert (await post(world, staff, raw)).json()["name"] == "😀 \\u0000"


async def test_numbers_survive_exactly(world, staff):
    raw = b'{"name": "a", "price": 0.1, "weight": -0.125, "ratio": 1e-300,'
    raw += b' "custom": {"n": 9223372036854775807, "f": 0.1}}'
    made = (await post(world, staff, raw)).json()
    assert (made["price"], made["ratio"]) == ("0.10", 1e-300)
    assert made["custom"] == {"n": 9223372036854775807, "f": 0.1}
    exact = await world.ask(staff, "POST", URL, {"name": "a", "weight": "-9223372036854775.807"})
    assert exact.json()["weight"] == "-9223372036854775.807"


async def test_thirty_two_levels_are_enough(world, staff):
    raw = b'{"name": "a", "custom": {"x": ' + deep(30) + b"}}"
    assert (await post(world, staff, raw)).status_code == 201


async def test_a_body_has_at_most_one_mebibyte(world, staff):
    body = b'{"name": "' + b"x" * (1 << 20) + b'"}'
    answer = await post(world, staff, body)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    said = await post(world, staff, b"{}", {**JSON, "content-length": str(1 << 21)})
    assert said.status_code == 413
    strange = await post(world, staff, b"{}", {**JSON, "content-length": b"\xb2"})
    assert strange.status_code == 400

    async def drops():
        for _ in range(40):
            yield b" " * (1 << 15)

    chunked = await post(world, staff, drops())
    assert chunked.status_code == 413, "a body that does not say how long it is"


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
async def test_only_json_is_read(world, staff, kind):
    """D: the form of another site cannot post a record."""
    answer = await post(world, staff, b'{"name": "a"}', {"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    for good in (
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/merge-patch+json",
    ):
        made = await post(world, staff, b'{"name": "a"}', {"content-type": good})
        assert made.status_code == 201


async def test_a_key_that_stands_twice_counts_last_in_records(world, staff):
    """Duplicate keys are only refused where two readers could differ about them."""
    made = await post(world, staff, b'{"name": "first", "name": "second"}')
    assert made.json()["name"] == "second"


@pytest.mark.parametrize(
    "query",
    [
        "%ff",
        "name=%ff",
        "name=%00",
        "%00=1",
        "name=%ED%A0%80",
        "labels=%F0%9F%98%80",
        "page=%D9%A1",
        "slots=1e5",
        "slots=99999999999999999999",
        "slots__in=" + ",".join("1" * 900),
        "serial=" + "x" * 5000,
        "weight=NaN",
        "weight=1e3",
        "price=--1",
        "bought_on=0000-00-00",
        "bought_on=99999-01-01",
        "created_at=-1d",
        "created_at=-999999999d",
        "created_at__gte=9999-12-31T23:59:59-23:59",
        "id=%00",
        "&&&===&",
        "a" * 9000,
        "fields=" + ",".join(["name"] * 3000),
        "ordering=%F0%9F%92%A3",
        "ordering=" + "," * 5000,
        "expand=" + "customer." * 2000,
    ],
)
async def test_strange_queries_never_break_the_server(world, staff, query):
    """A13: 2xx or 400, never 5xx."""
    for url in (URL, "/api/devices/trash/", "/api/devices/stats/", "/api/devices/loudest/"):
        answer = await world.client.get(f"{url}?{query}", headers=staff.headers)
        assert answer.status_code in (200, 400), (url, answer.status_code, answer.text)


@pytest.mark.parametrize("id", ["x", "%00", "%ff", "..", "%2e%2e", "1", "a" * 36, "%F0%9F%92%A3"])
async def test_an_id_that_is_none_does_not_exist(world, staff, id):
    for method, path in (
        ("GET", f"/api/devices/{id}/"),
        ("DELETE", f"/api/devices/{id}/"),
        ("POST", f"/api/devices/{id}/restore/"),
    ):
        answer = await world.client.request(method, path, headers=staff.headers)
        assert answer.status_code in (404, 405), (path, answer.text)
