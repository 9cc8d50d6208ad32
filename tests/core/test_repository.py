"""What a plugin's service does with the ORM: bare ids, one tenant, links by their id alone."""

from uuid import UUID

import pytest
from advanced_alchemy.exceptions import NotFoundError

from core.database.connections import Unit
from core.testing.world import World
from plugins.customers.models import Company, Customer
from tests.dummy_plugin.models import Device

pytestmark = pytest.mark.postgresql


def _customer(unit: Unit, name: str) -> Customer:
    email = f"{name}@repository.example"
    return unit.records(Customer).new(name=name, email=email, currency="IDR", type="individual")


async def test_a_bare_id_finds_the_record_of_this_tenant_only(world: World) -> None:
    """Ruling 2: the repository takes a bare id and adds the session's tenant."""
    made = await world.plant("customers.company", canary="mine")
    foreign = await world.plant("customers.company", tenant="globex")

    async def look(unit: Unit) -> str:
        found = await unit.records(Company).get(made)
        with pytest.raises(NotFoundError):
            await unit.records(Company).get(foreign)
        return str(found.name)

    assert (await world.system().write(look)).startswith("mine")


async def test_what_the_database_sets_is_read_back(world: World) -> None:
    """Ruling 8: version and times come from the trigger, and the ORM sees them."""

    async def change(unit: Unit) -> list[int]:
        customer = await unit.records(Customer).add(_customer(unit, "versions"))
        seen = [customer.version]
        customer.name = "Versions"
        await unit.session.flush()
        return [*seen, customer.version]

    assert await world.system().write(change) == [1, 2]


async def test_a_link_is_written_by_its_id_and_can_be_emptied(world: World) -> None:
    """Ruling 3: ``link()`` makes the relationship, only ``x_id`` is written, nulling works."""
    owner = await world.plant("customers.customer")

    async def change(unit: Unit) -> UUID:
        devices = unit.records(Device)
        device = await devices.add(devices.new(name="lamp", currency="IDR", customer_id=owner))
        device.customer_id = None
        await unit.session.flush()
        return UUID(str(device.id))

    id = await world.system().write(change)
    stored = await world.system().fetchrow(
        "SELECT d.customer_id, d.version FROM dummy_device d WHERE d.tenant_id = $1 AND d.id = $2",
        world.tenant().id,
        id,
    )
    assert stored is not None
    assert (stored["customer_id"], stored["version"]) == (None, 2)


async def test_a_record_of_another_tenant_is_refused_before_the_database(world: World) -> None:
    """A session serves one tenant for life; what belongs elsewhere never reaches the database."""

    async def smuggle(unit: Unit) -> None:
        customer = _customer(unit, "smuggled")
        customer.tenant_id = world.tenant("globex").id
        unit.session.add(customer)
        await unit.session.flush()

    with pytest.raises(ValueError, match="belongs to another tenant"):
        await world.system().write(smuggle)


async def test_the_trash_is_no_part_of_the_records(world: World) -> None:
    """Ruling 9: soft delete is a rule of the query layer, and the repository keeps it."""
    gone = await world.plant("customers.company")

    async def look(unit: Unit) -> None:
        await unit.execute(
            "UPDATE customers_company SET deleted_at = now() WHERE tenant_id = $1 AND id = $2",
            world.tenant().id,
            gone,
        )
        with pytest.raises(NotFoundError):
            await unit.records(Company).get(gone)

    await world.system().write(look)
