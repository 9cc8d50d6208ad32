"""``crm backup`` and ``crm restore``: one file that holds the database and the home's files."""

from pathlib import Path

import rich_click as click

from core.cli.connection import open_database, read_config
from core.postgres import backup as archive


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Also keep the installation's keys.")
def backup(file: Path, with_secrets: bool) -> None:
    """Write database and files into FILE, which only this user may read."""
    config = read_config().current
    with open_database(config) as database:
        made = archive.backup(database.owner_url, config.home, file, include_secrets=with_secrets)
    click.echo(f"{file}: {len(made.files)} files, PostgreSQL {made.postgresql}.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace what the database holds.")
def restore(file: Path, force: bool) -> None:
    """Check FILE as a whole, then fill an empty database and the home from it."""
    config = read_config().current
    with open_database(config) as database:
        made = archive.restore(database.owner_url, config.home, file, force=force)
    click.echo(f"Restored {len(made.files)} files. Run `crm db migrate` if the product is newer.")
