"""A pytest plugin: a test fails when it makes the product send a statement without its tenant.

Every connection of ``core.database.connections.Database`` is watched. Activate it with
``pytest_plugins = ("core.testing.tenant_watch",)``. A test whose point is such a statement says
``@pytest.mark.unnamed_tenant("why")``.
"""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from core.database.connections import APPLICATION
from core.testing.statements import unnamed

offences: dict[str, tuple[str, ...]] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker and watch the connections of every pool."""
    config.addinivalue_line(
        "markers", "unnamed_tenant(reason): statements need not name their tenant here"
    )
    event.listen(sa.pool.Pool, "connect", _watch)
    event.listen(sa.Engine, "before_cursor_execute", _before)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Watch no longer."""
    event.remove(sa.pool.Pool, "connect", _watch)
    event.remove(sa.Engine, "before_cursor_execute", _before)


def _is_product(driver: Any) -> bool:
    return bool(
        isinstance(driver, asyncpg.Connection)
        and driver.get_settings().application_name == APPLICATION
    )


def _watch(dbapi_connection: Any, record: Any) -> None:
    driver: Any = getattr(dbapi_connection, "driver_connection", None)
    if _is_product(driver):
        driver.add_query_logger(lambda logged: _note(logged.query))


def _before(
    conn: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    # SQLAlchemy runs prepared statements, which the driver does not report.
    driver = conn.connection.driver_connection
    if _is_product(driver):
        _note(statement)


def _note(sql: str) -> None:
    if tables := unnamed(sql):
        offences[sql] = tables


@pytest.fixture(autouse=True)
def every_statement_names_its_tenant(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test during which a statement forgot the tenant of one of its tables."""
    yield
    found, exempt = dict(offences), request.node.get_closest_marker("unnamed_tenant")
    offences.clear()
    if found and not exempt:
        listed = "\n".join(f"{', '.join(tables)}: {sql}" for sql, tables in found.items())
        pytest.fail(f"statements that do not name the tenant (ruling 2):\n{listed}")
