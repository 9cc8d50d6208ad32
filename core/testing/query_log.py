"""The statements that the application sends while a test looks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from core.testing.world import World


@contextmanager
def sent(world: World) -> Iterator[list[Any]]:
    """Collect what the driver logs of the statements that the application's connections send."""
    seen: list[Any] = []
    watched: dict[int, Any] = {}

    def watch(dbapi_connection: Any, *_: Any) -> None:
        driver = dbapi_connection.driver_connection
        if id(driver) not in watched:
            watched[id(driver)] = driver
            driver.add_query_logger(seen.append)

    engine = world.platform.database.engine.sync_engine
    event.listen(engine, "checkout", watch)
    try:
        yield seen
    finally:
        event.remove(engine, "checkout", watch)
        for driver in watched.values():
            driver.remove_query_logger(seen.append)
