"""``crm init``: the first run of an installation of one's own, without demo."""

import re
from pathlib import Path

import rich_click as click

from core.auth.users import administration
from core.cli.commands.db import migrate_or_tell
from core.cli.connection import Database, open_database, read_config
from core.cli.loading import load_plugins
from core.cli.one_time_links import one_time
from core.cli.platforms import platform_of
from core.config import Config, ConfigFile, config_path
from core.config.edit import add_tenant, edit
from core.errors import StartRefused
from core.postgres.blocking import finish

NEW = """# Trellis: what operators decide. `crm check` judges this file.

[plugins]
installed = []
"""


@click.command()
@click.option("--slug", prompt="Tenant, as one short word", help="The tenant's slug.")
@click.option("--name", help="The tenant's name for people.")
@click.option("--host", help="The host name under which people reach the tenant.")
@click.option("--email", prompt="Administrator's e-mail", help="The first administrator.")
def init(slug: str, name: str | None, host: str | None, email: str) -> None:
    """Set up a first tenant and its administrator; harmless when both exist."""
    path = config_path()
    if not path.exists():
        path.write_text(NEW)
        click.echo(f"Wrote {path}.")
    _define(read_config().current, slug, name, host)
    file = read_config()
    registry = load_plugins(file).registry
    with open_database(file.current) as database:
        migrate_or_tell(database, registry)
        token = finish(_administrator(file, database, slug, email))
    click.echo(one_time(file.current, file.current.tenants[slug], email, token))
    click.echo("Start the server with `crm serve`.")


def _define(config: Config, slug: str, name: str | None, host: str | None) -> None:
    """Write the tenant into the file unless it is there."""
    if slug in config.tenants:
        return
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", slug):
        raise StartRefused(f"{slug!r} cannot be a slug: use a-z, 0-9 and hyphens, a letter first.")
    shown = name or click.prompt("The tenant's name", default=slug.capitalize())
    hosts = (host or f"{slug}.localhost",)
    edit(Path(config.path), add_tenant(slug, shown, hosts, config.plugins.installed))
    click.echo(f"Added the tenant {slug} to {config.path}.")


async def _administrator(file: ConfigFile, database: Database, slug: str, email: str) -> str:
    async with platform_of(file, database) as platform:
        tenant = platform.by_slug[slug]
        called = email.partition("@")[0]
        await administration.create_user(platform, tenant, email, called, ("admin",))
        return await administration.reset_link(platform, tenant, email)
