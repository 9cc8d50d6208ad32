"""``crm plugin``: list, make, judge, switch, migrate and remove plugins."""

from pathlib import Path

import asyncpg
import rich_click as click
from click.exceptions import Exit
from rich.table import Table

from core.cli.connection import chosen, open_database, read_config, show
from core.cli.loading import load_plugins
from core.cli.plugins.installed import available
from core.cli.plugins.new_plugin import new_plugin
from core.cli.plugins.plugin_check import load_one, problems, write_migration
from core.config import ConfigFile
from core.config.edit import edit, list_plugin
from core.errors import StartRefused
from core.postgres.blocking import finish
from core.schema.migrate import purge, tables_of


@click.group()
def plugin() -> None:
    """List, make, check, switch, migrate and remove plugins."""


@plugin.command("list")
def plugin_list() -> None:
    """List every plugin that could be installed and the tenants that have it on."""
    config = read_config().current
    table = Table("Plugin", "Installed", "On for")
    for name in available():
        tenants = [slug for slug, tenant in config.tenants.items() if name in tenant.plugins]
        installed = "yes" if name in config.plugins.installed else "no"
        table.add_row(name, installed, ", ".join(tenants) or "-")
    show(table)


@plugin.command("new")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a project of its own into this folder instead of plugins/.",
)
def plugin_new(name: str, into: Path | None) -> None:
    """Write a plugin that works: one entity, rights, migration, tests and page."""
    made = new_plugin(name, into)
    click.echo(f"Wrote {made.folder}. Next:")
    for step in made.steps:
        click.echo(f"  {step}")


@plugin.command("check")
@click.argument("name")
def plugin_check(name: str) -> None:
    """Load a plugin with what it requires; name what breaks a rule. Needs no database."""
    found = problems(_known(name))
    for one in found:
        click.echo(one)
    if found:
        raise Exit(1)
    click.echo(f"{name} keeps every rule, and its migrations make what it declares.")


@plugin.command("migration")
@click.argument("name")
@click.option("-m", "--message", default="Changes", help="What the migration makes.")
def plugin_migration(name: str, message: str) -> None:
    """Write the next migration: from what the chain makes to what is declared."""
    made = write_migration(_known(name), message)
    if made is None:
        click.echo(f"The migrations of {name} make what it declares; nothing to write.")
        return
    for line in made.says:
        click.echo(f"- {line}")
    click.echo(f"Wrote {made.path}. Read it, then run `crm db migrate`.")


def _known(name: str) -> str:
    if name not in available():
        raise StartRefused(f"There is no plugin {name!r}; there are {', '.join(available())}.")
    return name


def _switch(name: str, slug: str | None, *, on: bool) -> None:
    file = read_config()
    load_plugins(file)
    tenant = chosen(file, slug)
    if name not in file.current.plugins.installed:
        raise StartRefused(
            f"{name!r} is not installed; list it under [plugins] installed in {file.path}."
        )
    changed = file.switch_plugin(tenant, name, on)
    word = "on" if on else "off"
    click.echo(f"{tenant}: {', '.join(changed)} {word}." if changed else f"{tenant}: was {word}.")


_tenant = click.option("--tenant", "slug", help="The tenant's slug.")


@plugin.command("enable")
@click.argument("name")
@_tenant
def plugin_enable(name: str, slug: str | None) -> None:
    """Switch a plugin, and what it requires, on for a tenant; a running server follows."""
    _switch(name, slug, on=True)


@plugin.command("disable")
@click.argument("name")
@_tenant
def plugin_disable(name: str, slug: str | None) -> None:
    """Switch a plugin off for a tenant; its data stays."""
    _switch(name, slug, on=False)


@plugin.command("remove")
@click.argument("name")
@click.option("--purge", "purging", is_flag=True, help="Also drop its tables and columns.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def plugin_remove(name: str, purging: bool, yes: bool) -> None:
    """Take a plugin out of the configuration; with --purge its data goes, for ever."""
    file = read_config()
    _refuse_required(file, name)
    if purging:
        _purge(file, name, yes=yes)
    edit(Path(file.path), list_plugin(name, on=False))
    click.echo(f"{name} is no longer listed in {file.path}. Restart the server.")


def _refuse_required(file: ConfigFile, name: str) -> None:
    registry = load_plugins(file).registry
    for other, found in registry.plugins.items():
        if name in found.manifest.requires:
            raise StartRefused(f"{other!r} requires {name!r}; remove {other!r} first.")


def _purge(file: ConfigFile, name: str, *, yes: bool) -> None:
    """Show what will go, ask, then take the chain down to nothing."""
    _, found = load_one(_known(name))
    with open_database(file.current) as database:
        going = finish(tables_of(database.owner_url, name))
        for what, rows in going.items():
            click.echo(
                f"  {what}: {rows:,} rows with a value"
                if "." in what
                else f"  {what}: {rows:,} rows"
            )
        if not yes and click.prompt(f"Type {name} to drop this") != name:
            raise StartRefused("Nothing was dropped.")
        finish(purge(database.owner_url, found, load_plugins(file).registry))
        finish(_forget(database.owner_url, name))
    click.echo(f"Dropped {', '.join(going) or 'nothing'} and alembic_version_{name}.")


async def _forget(owner_url: str, name: str) -> None:
    """Remove what people of all tenants edited of the plugin's settings and dictionaries."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(
            "DELETE FROM core_setting WHERE (kind = 'settings' AND name = $1)"
            " OR (kind = 'dictionary' AND starts_with(name, $1 || '.'))",
            name,
        )
    finally:
        await connection.close()
