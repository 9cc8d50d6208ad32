"""``crm demo``: two tenants with people and records to look at, the same on every run."""

from collections.abc import Callable

import msgspec
import rich_click as click
from rich.progress import Progress, TaskID

from core.access.rights import SYSTEM
from core.auth.users.administration import create_user
from core.cli.connection import Database, console, open_database, read_config
from core.cli.one_time_links import base_url
from core.cli.platforms import platform_of
from core.config import ConfigFile
from core.database.connections import Unit
from core.errors import StartRefused
from core.postgres.analyze import analyse
from core.postgres.blocking import finish
from core.runtime.context import Context
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

TENANTS = ("acme", "globex")
PASSWORD = "trellis-demo"  # noqa: S105 - demo data only, printed for everybody
PEOPLE = (
    ("admin", "Ada Admin", "admin"),
    ("staff", "Stefan Staff", "staff"),
    ("seller", "Sari Seller", "seller"),
    ("seller2", "Sven Seller", "seller"),
    ("customer", "Citra Customer", "customer"),
)


SCALE = click.FloatRange(0.001, 1000)


class Mark(msgspec.Struct, frozen=True):
    """What is remembered of a demo: the plugins whose records are there."""

    plugins: tuple[str, ...]


@click.command()
@click.option(
    "--scale",
    type=SCALE,
    default=1.0,
    show_default=True,
    help="Times 2,000 customers in acme and 300 in globex.",
)
def demo(scale: float) -> None:
    """Load demo people and records into acme and globex; a second run changes nothing."""
    file = read_config()
    _tenants(file)
    with open_database(file.current) as database:
        finish(_load(file, database, scale, again=True))
    for line in logins(file):
        click.echo(line)


def demo_once(file: ConfigFile, database: Database, scale: float) -> None:
    """Load the demo of what has not been loaded yet."""
    finish(_load(file, database, scale, again=False))


def _tenants(file: ConfigFile) -> list[str]:
    found = [slug for slug in TENANTS if slug in file.current.tenants]
    if not found:
        raise StartRefused(
            f"The demo needs the tenants {' and '.join(TENANTS)}, and {file.path} has neither."
        )
    return found


async def _load(file: ConfigFile, database: Database, scale: float, *, again: bool) -> None:
    async with platform_of(file, database) as platform:
        bar = Progress(console=console(), transient=True, disable=not console().is_terminal)
        with bar:
            for slug in _tenants(file):
                await _fill(platform, platform.by_slug[slug], scale, bar, again=again)
    if database.may_own:
        await analyse(database.owner_url)


async def _fill(
    platform: Platform, tenant: Tenant, scale: float, bar: Progress, *, again: bool
) -> None:
    """Make the people, then run the demo of each enabled plugin in a transaction of its own."""
    context = Context(platform, tenant, SYSTEM)
    done = await _mark(context)
    demos = [(n, d) for n, d in platform.registry.demos if n in tenant.enabled]
    if not again and done is not None and {n for n, _ in demos} <= set(done.plugins):
        return
    for name, called, role in PEOPLE:
        if role in tenant.roles:
            address = f"{name}@{tenant.slug}.example"
            await create_user(platform, tenant, address, called, (role,), PASSWORD)
    for plugin, found in demos:
        task = bar.add_task(f"{tenant.slug}: {plugin}", total=None)
        step = _step(bar, task)
        run = found.run

        async def fill(unit: Unit) -> None:
            await run(unit, tenant, scale, step)  # noqa: B023 - awaited before the next round

        await context.write(fill)
    await _remember(context, Mark(tuple(n for n, _ in demos)))


def _step(bar: Progress, task: TaskID) -> Callable[[int, int], None]:
    """Return what tells the bar how far one plugin's demo is."""

    def step(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    return step


async def _mark(context: Context) -> Mark | None:
    found = await context.fetchval(
        "SELECT s.value::text FROM core_setting s WHERE s.tenant_id = $1"
        " AND s.kind = 'demo' AND s.name = 'loaded' AND s.deleted_at IS NULL",
        context.tenant.id,
    )
    return msgspec.json.decode(found, type=Mark) if found else None


async def _remember(context: Context, mark: Mark) -> None:
    async def write(unit: Unit) -> None:
        await unit.execute(
            "INSERT INTO core_setting (tenant_id, kind, name, value)"
            " VALUES ($1, 'demo', 'loaded', $2::text::jsonb)"
            " ON CONFLICT (tenant_id, kind, name) WHERE deleted_at IS NULL"
            " DO UPDATE SET value = excluded.value",
            context.tenant.id,
            msgspec.json.encode(mark).decode(),
        )

    await context.write(write)


def logins(file: ConfigFile, port: int | None = None) -> list[str]:
    """Return who may sign in where."""
    slugs = _tenants(file)
    names = "  ".join(f"{name}@" for name, _, _ in PEOPLE)
    addresses = [base_url(file.current, file.current.tenants[slug], port) for slug in slugs]
    return [
        f"logins            {names}",
        f"                  of {' and '.join(f'{slug}.example' for slug in slugs)}",
        f"password of all   {PASSWORD}",
        f"tenants at        {', '.join(addresses)}",
        f"and at            http://127.0.0.1:{port or file.current.server.port}",
    ]
