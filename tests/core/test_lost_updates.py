"""Two people edit one record: with If-Match nobody's change is lost unseen (B7)."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.postgresql

FIELDS = ("manual", "locked", "secret")
STEPS = st.lists(
    st.tuples(st.sampled_from(("ann", "bob")), st.sampled_from(("read", *FIELDS))),
    min_size=1,
    max_size=14,
)


@given(steps=STEPS)
@settings(max_examples=25, deadline=None)
async def test_an_editor_never_overwrites_an_unread_change(world, staff, admin, steps):
    """B7: any order of reads and writes of two editors: a write succeeds if and only if its
    version is the stored one, and then the record is exactly the seen one with the change."""
    people = {"ann": staff, "bob": admin}
    made = await world.ask(people["ann"], "POST", "/api/devices/", {"name": "Shared"})
    url, truth = made.headers["location"], made.json()
    held = dict.fromkeys(people, (made.headers["etag"], truth))
    for name, step in steps:
        who, (tag, seen) = people[name], held[name]
        if step == "read":
            answer = await world.ask(who, "GET", url)
            held[name] = (answer.headers["etag"], answer.json())
            assert answer.json() == truth
            continue
        word = uuid4().hex
        body = {**{field: seen[field] for field in ("name", *FIELDS)}, step: word}
        answer = await world.ask(who, "PUT", url, body, {"if-match": tag})
        if seen["version"] == truth["version"]:
            assert answer.status_code == 200, answer.text
            expected = {**truth, step: word}
            truth = answer.json()
            for field in ("version", "updated_at", "updated_by"):
                expected[field] = truth[field]
            assert truth == expected
            assert truth["version"] == seen["version"] + 1
            held[name] = (answer.headers["etag"], truth)
        else:
            assert answer.status_code == 412, answer.text


async def test_of_many_writers_with_one_version_one_wins(world, staff):
    """B7: 20 at once with the same If-Match: one 200, the others 412; the winner's value stays."""
    made = await world.ask(staff, "POST", "/api/devices/", {"name": "Shared"})
    url, tag = made.headers["location"], made.headers["etag"]
    answers = await asyncio.gather(
        *(
            world.ask(staff, ("PATCH", "PUT")[n % 2], url, {"name": f"n{n}"}, {"if-match": tag})
            for n in range(20)
        )
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [412] * 19
    winner = next(a for a in answers if a.status_code == 200)
    assert (await world.ask(staff, "GET", url)).json() == winner.json()


async def test_patches_of_different_fields_both_stay(world, staff):
    """Without If-Match a PATCH touches only what it names: nobody else's field is lost."""
    made = await world.ask(staff, "POST", "/api/devices/", {"name": "Shared"})
    url = made.headers["location"]
    bodies = [{field: field} for field in FIELDS]
    bodies += [{"custom": {f"k{n}": n}} for n in range(10)]
    await asyncio.gather(*(world.ask(staff, "PATCH", url, body) for body in bodies))
    read = (await world.ask(staff, "GET", url)).json()
    assert [read[field] for field in FIELDS] == list(FIELDS)
    assert read["custom"] == {f"k{n}": n for n in range(10)}
    assert read["version"] == 1 + len(bodies)


async def test_a_tenant_may_demand_the_version(make_world):
    """rest.md 3: ``require_if_match`` refuses changes without it with 428; reading needs none."""
    world = await make_world(
        config="""
[plugins]
installed = [{installed}]
[tenants.acme]
hosts = ["acme.localhost"]
plugins = [{installed}]
require_if_match = true
"""
    )
    staff = await world.person("staff")
    made = await world.ask(staff, "POST", "/api/devices/", {"name": "A"})
    url, tag = made.headers["location"], made.headers["etag"]
    for method, path, body in (
        ("PATCH", url, {"name": "B"}),
        ("PUT", url, {"name": "B"}),
        ("DELETE", url, None),
        ("POST", f"{url}inspect/", {"verdict": "x"}),
    ):
        without = await world.ask(staff, method, path, body)
        assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
    for given_ in (tag, "*"):
        answer = await world.ask(staff, "PATCH", url, {"name": "B"}, {"if-match": given_})
        assert answer.status_code == 200
    deleted = await world.ask(staff, "DELETE", url, headers={"if-match": answer.headers["etag"]})
    assert deleted.status_code == 204
    for unknown in (uuid4(), url.split("/")[-2]):
        away = f"/api/devices/{unknown}/"
        answer = await world.ask(staff, "PATCH", away, {"name": "B"}, {"if-match": tag})
        assert answer.status_code in (404, 412)
