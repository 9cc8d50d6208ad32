"""``crm up``: everything that a trial needs, in one process."""

import rich_click as click

from core.cli.commands.db import migrate_or_tell
from core.cli.commands.demo import SCALE, demo_once, logins
from core.cli.commands.serve import Wish, listening_options
from core.cli.connection import open_database, read_config
from core.cli.loading import load_plugins
from core.server.supervisor import free, serve_until_told


@click.command()
@listening_options
@click.option("--scale", type=SCALE, default=1.0, help="Times the demo records.")
def up(host: str | None, port: int | None, workers: int | None, scale: float) -> None:
    """Make and migrate the database, load the demo once, and serve: all that a trial needs."""
    file = read_config()
    listening = Wish(host, port, workers).over(file.current)
    free(listening)
    registry = load_plugins(file).registry
    with open_database(file.current) as database:
        migrate_or_tell(database, registry)
        demo_once(file, database, scale)
        serve_until_told(file.current, database, listening, logins(file, listening.port)[:3])
