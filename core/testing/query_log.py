"""The statements that the application sends while a test looks."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from core.runtime import platform
from core.testing.world import World


@contextmanager
def query_log(world: World) -> Iterator[list[Any]]:
    """Collect what the driver logs of the statements that the application's connections send.

    Settings are not read again meanwhile: whether their interval ends now is chance.
    """
    statements: list[Any] = []
    watched: dict[int, Any] = {}

    def watch(dbapi_connection: Any, *_: Any) -> None:
        driver = dbapi_connection.driver_connection
        if id(driver) not in watched:
            watched[id(driver)] = driver
            driver.add_query_logger(statements.append)

    engine = world.platform.database.engine.sync_engine
    event.listen(engine, "checkout", watch)
    interval, platform.OVERLAY_SECONDS = platform.OVERLAY_SECONDS, math.inf
    try:
        yield statements
    finally:
        platform.OVERLAY_SECONDS = interval
        event.remove(engine, "checkout", watch)
        for driver in watched.values():
            driver.remove_query_logger(statements.append)
