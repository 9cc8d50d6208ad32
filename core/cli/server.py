"""``crm serve`` and ``crm up``: the web server over a database that is ready for it."""

import rich_click as click

from core.cli.db import run_migrations
from core.cli.demo import demo_once, load_demo
from core.cli.place import load_plugins, open_database, read_config
from core.cli.serving import Listening, free, serve_until_told
from core.config import Config


def _listening(config: Config, host: str | None, port: int | None, workers: int | None) -> Listening:
    server = config.server
    return Listening(host or server.host, port or server.port, workers or server.workers)


def _options(command: click.Command) -> click.Command:
    for option in (
        click.option("--workers", type=click.IntRange(1, 1000), help="Processes that serve."),
        click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on."),
        click.option("--host", help="Address to listen on."),
    ):
        command = option(command)
    return command


@click.command()
@_options
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve until told to stop. Options win over the configuration file."""
    file = read_config()
    listening = _listening(file.current, host, port, workers)
    free(listening)
    with open_database(file.current) as database:
        serve_until_told(file.current, database, listening)


@click.command()
@_options
@click.option("--scale", type=click.IntRange(1, 1000), default=1, help="Times the demo records.")
def up(host: str | None, port: int | None, workers: int | None, scale: int) -> None:
    """Make and migrate the database, load the demo once, and serve: all that a trial needs."""
    file = read_config()
    listening = _listening(file.current, host, port, workers)
    free(listening)
    registry = load_plugins(file).registry
    with open_database(file.current) as database:
        for outcome in run_migrations(database, registry):
            if outcome.error:
                click.echo(f"{outcome.plugin} is left out: {outcome.error}", err=True)
        logins = demo_once(file, database, scale)
        serve_until_told(file.current, database, listening, notes=logins)


__all__ = ["load_demo", "serve", "up"]
