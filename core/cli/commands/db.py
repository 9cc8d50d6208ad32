"""``crm db``: make, migrate, look at, judge and remove the database."""

import secrets
from collections.abc import Mapping
from pathlib import Path

import rich_click as click
import sqlalchemy as sa
from click.exceptions import Exit
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.ext.asyncio import create_async_engine

from core.cli.connection import (
    ADMIN_URL,
    Database,
    console,
    is_external,
    open_database,
    read_config,
    show,
)
from core.cli.loading import load_plugins
from core.config import Config
from core.errors import StartRefused
from core.postgres import embedded, roles
from core.postgres.blocking import finish
from core.postgres.cluster_paths import write_private
from core.postgres.urls import driver_url
from core.registry.registry import Registry
from core.schema.chains import pending, state
from core.schema.lints import findings
from core.schema.migrate import Outcome, migrate


@click.group()
def db() -> None:
    """Make, migrate, look at and remove the database."""


@db.command("init")
@click.option("--admin-url", envvar=ADMIN_URL, help="A superuser's URL of an external server.")
@click.option("--database", default="trellis", show_default=True, help="Its database.")
def db_init(admin_url: str | None, database: str) -> None:
    """Create the roles and the database; may run any number of times."""
    config = read_config().current
    if admin_url:
        _init_external(config, admin_url, database)
        return
    if is_external(config):
        raise StartRefused(
            "An external server is configured: give --admin-url (or set"
            f" {ADMIN_URL}) so that roles and database can be created."
        )
    with open_database(config) as opened:
        assert opened.server is not None
        click.echo(f"The database is ready in {opened.server.paths.folder}.")


def _init_external(config: Config, admin_url: str, database: str) -> None:
    """Create the roles on an external server; their passwords are kept in CRM_HOME/secrets."""
    folder = config.home / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passwords = {name: _password(folder / f"{name}.password") for name in roles.NAMES}
    roles.prepare(admin_url, passwords, database)
    urls = {name: _url(admin_url, name, passwords[name], database) for name in roles.NAMES}
    for name in ("crm_app", "crm_owner"):
        write_private(folder / f"{name}.url", urls[name].encode())
    click.echo("The roles and the database exist. Put this into the configuration:")
    click.echo("[database]")
    click.echo(f'url_file = "{folder / "crm_app.url"}"')
    click.echo(f'owner_url_file = "{folder / "crm_owner.url"}"')


def _password(path: Path) -> str:
    if path.exists():
        return path.read_text().strip()
    made = secrets.token_urlsafe(24)
    write_private(path, made.encode())
    return made


def _url(admin_url: str, role: str, password: str, database: str) -> str:
    url = sa.make_url(admin_url).set(
        drivername="postgresql", username=role, password=password, database=database
    )
    return url.render_as_string(hide_password=False)


@db.command("migrate")
def db_migrate() -> None:
    """Bring every chain to its newest revision; safe to run again at any time."""
    file = read_config()
    registry = load_plugins(file).registry
    with open_database(file.current) as database:
        outcomes = run_migrations(database, registry)
    for outcome in outcomes:
        click.echo(_line(outcome))
    if any(outcome.error for outcome in outcomes):
        raise Exit(1)


def migrate_or_tell(database: Database, registry: Registry) -> None:
    """Migrate; a plugin whose chain failed is named, and the others go on."""
    for outcome in run_migrations(database, registry):
        if outcome.error:
            click.echo(f"{outcome.plugin} is left out: {outcome.error}", err=True)


def run_migrations(database: Database, registry: Registry) -> list[Outcome]:
    """Migrate under a progress bar."""
    chains = len(registry.plugins)
    with Progress(console=console(), transient=True, disable=not console().is_terminal) as bar:
        task = bar.add_task("Migrating", total=chains)

        def step(name: str) -> None:
            bar.update(task, advance=1, description=f"Migrating {name}")

        return finish(migrate(database.owner_url, registry, step))


def _line(outcome: Outcome) -> str:
    if outcome.error:
        return f"{outcome.plugin}: QUARANTINED at {outcome.after}: {outcome.error}"
    if outcome.before == outcome.after:
        return f"{outcome.plugin}: up to date ({outcome.after})"
    return f"{outcome.plugin}: {outcome.before or 'nothing'} -> {outcome.after}"


@db.command("status")
def db_status() -> None:
    """Show where the database is, whether it runs, and how far each chain is."""
    file = read_config()
    if not is_external(file.current):
        _show_server(embedded.status(file.current.home))
    registry = load_plugins(file).registry
    with open_database(file.current) as database:
        revisions = finish(state(database.app_url, registry))
    behind = pending(revisions, registry)
    table = Table("Plugin", "In the database", "On disk", "")
    for name, (stored, newest) in revisions.items():
        note = "behind" if name in behind else "" if name in registry.plugins else "not installed"
        table.add_row(name, stored or "-", newest or "-", note)
    show(table)
    if behind:
        click.echo("Run `crm db migrate`.")


def _show_server(found: embedded.Status) -> None:
    facts: Mapping[str, object] = {
        "home": found.home,
        "folder": found.folder,
        "socket": found.socket or "-",
        "PostgreSQL": found.version or "-",
        "running": f"pid {found.pid}" if found.pid else "no",
        "used by pids": ", ".join(map(str, found.members)) or "-",
        "size": f"{found.size / 1e6:.0f} MB",
    }
    for name, value in facts.items():
        click.echo(f"{name:<14}{value}")


@db.command("lint")
def db_lint() -> None:
    """Judge the schema: each finding names its object."""
    file = read_config()
    registry = load_plugins(file).registry
    with open_database(file.current) as database:
        found = finish(_lint(database.app_url, registry))
    for one in found:
        click.echo(one)
    if found:
        raise Exit(1)
    click.echo("The schema keeps every rule.")


async def _lint(url: str, registry: Registry) -> list[str]:
    behind = pending(await state(url, registry), registry)
    engine = create_async_engine(driver_url(url), poolclass=sa.NullPool)
    try:
        async with engine.connect() as connection:
            return await findings(connection, registry, behind)
    finally:
        await engine.dispose()


@db.command("drop")
@click.option("--yes", is_flag=True, help="Do not ask.")
def db_drop(yes: bool) -> None:
    """Remove the embedded server with all its data, for ever."""
    config = read_config().current
    if is_external(config):
        raise StartRefused("An external database is removed with its own tools.")
    found = embedded.status(config.home)
    if not found.folder.exists():
        click.echo("There is no embedded database.")
        return
    if not yes:
        click.confirm(
            f"Remove {found.folder} ({found.size / 1e6:.0f} MB) and all its data?", abort=True
        )
    embedded.drop(config.home)
    click.echo(f"Removed {found.folder}.")
