"""``crm up``: everything that a trial needs, by one command."""

import rich_click as click

from core.cli.commands.db import migrate_or_tell
from core.cli.commands.demo import SCALE, demo_once, logins
from core.cli.commands.serve import add_listen_options, resolve_listen_options
from core.cli.connection import open_database, read_config
from core.cli.handover import become_serve
from core.cli.loading import load_plugins
from core.server.supervisor import free_address


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
        use = database.server.member.key if database.server else None
        become_serve(listening, use, notes)
