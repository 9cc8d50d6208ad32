"""What the fuzzers attack: a served application with records, and people of every role."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from core.testing.kit import MakeWorld
from core.testing.world import Person, World

ROLES = ("anonymous", "admin", "staff", "seller", "customer", "inspector")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Target:
    """A world behind a real server. Its people sign in again when a request ended their session."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.people: dict[str, Person | None] = {}
        self._loop = asyncio.get_running_loop()

    async def enter(self, role: str) -> Person | None:
        """Make a new person of a role, with the records that the role's scope is about."""
        if role == "anonymous":
            return None
        attributes: dict[str, Any] = {}
        for scope in self.world.platform.registry.scopes.values():
            if scope.attribute and role in ("seller", "customer"):
                field = self.world.platform.registry.entities["core.user"].fields[scope.attribute]
                attributes[scope.attribute] = await self.world.plant(str(field.target))
        self.people[role] = await self.world.person(role, **attributes)
        return self.people[role]

    def headers(self, role: str) -> dict[str, str]:
        """Return the headers with which a role asks."""
        if role == "anonymous":
            return {"host": f"acme.localhost:{self.port}"}
        person = self.people[role]
        assert person is not None
        return dict(person.headers)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the server's loop, from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def enter_again(self, role: str) -> None:
        """Replace a person whose session or account is gone; from another thread."""
        self.run(self.enter(role))


@pytest.fixture
async def target(make_world: MakeWorld) -> AsyncIterator[Target]:
    """An application served by the real server, in this process."""
    world = await make_world()
    port = _free_port()
    server = Server(
        world.app, port=port, interface=Interfaces.ASGINL, log_enabled=False, websockets=False
    )
    serving = asyncio.create_task(server.serve())
    found = Target(world, port)
    for entity in world.platform.registry.entities.values():
        if "list" in entity.verbs:
            for _ in range(3):
                await world.plant(entity.name)
    for role in ROLES:
        await found.enter(role)
    await _answers(port)
    yield found
    server.stop()
    await asyncio.wait_for(serving, 30)


async def _answers(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise AssertionError("the server did not start")
