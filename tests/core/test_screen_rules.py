"""What the rules of customers and loyalty refuse in a form: told in place, in people's words."""

from typing import Any
from uuid import UUID

import pytest

from core.testing.world import World
from tests.core.browsing import Browser
from tests.core.screens import clerk, fields
from tests.core.signing import Gate
from tests.core.test_screen_refusals import INSIDE, field_errors

SUMMARY = 'role="alert"'


@pytest.fixture(scope="module")
def gate(world) -> Gate:
    return Gate(world)


@pytest.fixture(scope="module")
async def readers(gate) -> list[Browser]:
    """Administrators who read English, Indonesian and Arabic."""
    found = []
    for locale in ("en", "id", "ar"):
        browser = await clerk(gate, "admin")
        likes = {"locale": locale, "timezone": "Asia/Jakarta", "mode": "system"}
        await browser.post("/app/account/likes/", likes, page="/app/account/")
        found.append(browser)
    return found


async def refused(readers, path: str, code: int, field: str, words: str, **typed: str) -> None:
    """Send a form as each reader: nothing is lost, and each is told in a language of his own."""
    heard = []
    for browser in readers:
        page = await browser.get(path)
        assert page.status_code == 200, path
        form = fields(page.text, path)
        beside = {f"{name}_text": text for name, text in typed.items() if f"{name}_text" in form}
        answer = await browser.post(path, {**form, **typed, **beside})
        assert answer.status_code == code, (path, answer.status_code, field_errors(answer.text))
        text = field_errors(answer.text).get(field, "")
        if not field:
            start = answer.text.index(SUMMARY)
            text = answer.text[start : answer.text.index("</div>", start)]
        assert text, (path, field, field_errors(answer.text))
        heard.append(text)
        kept = fields(answer.text, path)
        for name, value in typed.items():
            assert kept.get(name) == value or f"{name}_text" in kept or name not in kept, name
    assert words in heard[0]
    assert not INSIDE.search(field_errors("".join(heard)).get(field, heard[0] if field else "")), (
        heard[0]
    )
    assert len(set(heard)) == len(readers), heard


async def moved(world: World, person: Any, id: UUID, deed: str, **body: Any) -> dict[str, Any]:
    """Do something to a customer's points over REST."""
    answer = await world.ask(person, "POST", f"/api/customers/{id}/{deed}/", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_unavailable_reward_is_refused(world, staff, readers):
    """409 beside the reward: stock gone, not offered, tier too low; points short on top."""
    id = await world.plant("customers.customer")
    path = f"/app/customers/{id}/do/redeem_reward/"
    plain = {"points": 10, "stock": None, "minimum_tier": None, "is_active": True}
    plain |= {"valid_from": None, "valid_until": None}
    for words, changed in (
        ("Nothing of this reward is left. Choose another.", {"stock": 0}),
        ("This reward is not offered now. Choose another.", {"is_active": False}),
        ("This reward is for the tier gold and above.", {"minimum_tier": "gold"}),
    ):
        reward = await world.plant("loyalty.reward", **(plain | changed))
        await refused(readers, path, 409, "reward_id", words, reward_id=str(reward))
    reward = await world.plant("loyalty.reward", **plain)
    words = "does not have enough points. Take fewer."
    await refused(readers, path, 409, "", words, reward_id=str(reward))


async def test_irreversible_points_are_refused(world, staff, readers):
    id = await world.plant("customers.customer")
    await moved(world, staff, id, "earn", points=50, reason="Order")
    found = await world.ask(staff, "GET", f"/api/loyalty-entries/?customer_id={id}")
    entry = found.json()["results"][0]["id"]
    path = f"/app/customers/{id}/do/reverse_points/"
    typed = {"entry_id": entry, "reason": "Wrong"}
    words = "The entry moved 50 points. Take back as many or fewer."
    await refused(readers, path, 400, "points", words, points="60", **typed)
    await moved(world, staff, id, "reverse_points", **typed)
    words = "This entry is reversed already. Choose another."
    await refused(readers, path, 409, "entry_id", words, **typed)
    path = f"/app/customers/{id}/do/redeem_points/"
    await refused(readers, path, 409, "", "enough points", points="999", reason="Too much")
    path = f"/app/customers/{id}/do/update_points/"
    await refused(readers, path, 400, "points", "too large", points="99999999999", reason="x")


async def test_a_redemption_that_is_settled(world, staff, readers):
    id = await world.plant("customers.customer")
    await moved(world, staff, id, "earn", points=50, reason="Order")
    reward = await world.plant(
        "loyalty.reward", points=10, stock=None, minimum_tier=None, is_active=True,
        valid_from=None, valid_until=None,
    )  # fmt: skip
    taken = await moved(world, staff, id, "redeem_reward", reward_id=str(reward))
    path = f"/app/loyalty-redemptions/{taken['redemption_id']}/do/cancel/"
    pages = [(browser, await browser.get(path)) for browser in readers]
    done = await world.ask(
        staff, "POST", f"/api/loyalty-redemptions/{taken['redemption_id']}/cancel/", {"reason": "x"}
    )
    assert done.status_code == 200, done.text
    said = set()
    for browser, page in pages:
        answer = await browser.post(path, {**fields(page.text, path), "reason": "Late"})
        assert answer.status_code == 409
        start = answer.text.index(SUMMARY)
        said.add(answer.text[start : answer.text.index("</div>", start)])
        assert fields(answer.text, path)["reason"] == "Late"
    assert any("This redemption is cancelled; it stays as it is." in text for text in said)
    assert len(said) == len(readers)


async def test_customers_who_contradict_themselves(world, staff, readers, gate):
    path = "/app/customers/new/"
    typed = {"name": "Rules", "email": "rules@rules.example"}
    words = "Only an account whose status is active is active."
    await refused(readers, path, 400, "is_active", words, **typed, status="closed", is_active="1")
    buyer = await world.plant("customers.company", kind="customer")
    words = "This company buys; link the customer to one that sells."
    linked = {"customer_id": str(await world.plant("customers.customer"))}
    link = "/app/company-links/new/"
    await refused(readers, link, 400, "company_id", words, **linked, company_id=str(buyer))
    gone = await world.person("staff", is_active=False)
    outsider = await world.person("customer")
    for person, words in ((gone, "not an active user"), (outsider, "does not work here")):
        given = {**typed, "salesperson_id": str(person.id)}
        await refused(readers, path, 400, "salesperson_id", words, **given)


async def test_addresses_as_their_country_writes_them(world, readers):
    customer = await world.plant("customers.customer")
    path = f"/app/addresses/new/?customer_id={customer}"
    good = {"line1": "Jl. Merdeka 1", "city": "Bandung", "country": "ID"}
    for field, typed, words in (
        ("postal_code", {"province": "Jawa Barat", "postal_code": "9"}, "no postal code of"),
        ("province", {"province": "Bavaria", "postal_code": "40111"}, "has no such province"),
        ("country", {"country": "QQ"}, "must be a code of two letters"),
    ):
        sent = {**good, **typed}
        for number, browser in enumerate(readers):
            page = await browser.get(path)
            form = fields(page.text, "/app/addresses/new/")
            answer = await browser.post("/app/addresses/new/", {**form, **sent})
            assert answer.status_code == 400
            text = field_errors(answer.text)[field]
            assert (words in text) == (number == 0), text
            kept = fields(answer.text, "/app/addresses/new/")
            assert {name: kept[name] for name in sent} == sent


async def test_orders_that_cannot_be_counted(world, readers):
    id = await world.plant("customers.customer")
    path = f"/app/customers/{id}/do/record_order/"
    for field, typed, words in (
        ("ordered_at", {"total": "5", "ordered_at": "2190-01-01T10:00"}, "lies in the future"),
        ("total", {"total": "-5"}, "must be an amount"),
    ):
        await refused(readers, path, 400, field, words, **typed)
