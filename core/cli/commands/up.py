"""``crm up``: everything that a trial needs, in one process."""

import rich_click as click

from core.cli.commands.db import migrate_or_tell
from core.cli.commands.demo import SCALE, demo_once, logins
from core.cli.commands.serve import add_listen_options, resolve_listen_options
from core.cli.connection import open_database, read_config
from core.cli.loading import load_plugins
from core.server.supervisor import free_address, run_workers


@click.command()
@add_listen_options
@click.option("--scale", type=SCALE, default=1.0, help="Times the demo records.")
def up(host: str | None, port: int | None, workers: int | None, scale: float) -> None:
    """Make and migrate the database, load the demo once, and serve: all that a trial needs."""
    file = read_config()
    listening = resolve_listen_options(file.current, host, port, workers)
    free_address(listening)
    registry = load_plugins(file).registry
    with open_database(file.current) as database:
        migrate_or_tell(database, registry)
        demo_once(file, database, scale)
        notes = logins(file, listening.port)[:3]
        run_workers(file.current, database.app_url, listening, notes)
