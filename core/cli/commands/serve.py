"""``crm serve``: the web server over a database that is ready for it."""

from collections.abc import Callable
from typing import TypeVar

import rich_click as click

from core.cli.connection import open_database, read_config
from core.config import Config
from core.server.supervisor import ListenOptions, free_address, run_workers

F = TypeVar("F", bound=Callable[..., None])


def resolve_listen_options(
    config: Config, host: str | None, port: int | None, workers: int | None
) -> ListenOptions:
    """Return host, port and workers: those of the command line, else the file's."""
    server = config.server
    return ListenOptions(host or server.host, port or server.port, workers or server.workers)


def add_listen_options(command: F) -> F:
    """Add --host, --port and --workers to a command."""
    for option in (
        click.option("--workers", type=click.IntRange(1, 1000), help="Processes that serve."),
        click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on."),
        click.option("--host", help="Address to listen on."),
    ):
        command = option(command)
    return command


@click.command()
@add_listen_options
@click.option("--note", multiple=True, hidden=True)  # lines of the banner, from `crm up`
@click.option("--database-use", hidden=True)  # of `crm up`, which became this process
def serve(
    host: str | None,
    port: int | None,
    workers: int | None,
    note: tuple[str, ...],
    database_use: str | None,
) -> None:
    """Serve until told to stop. Options win over the configuration file."""
    file = read_config()
    listening = resolve_listen_options(file.current, host, port, workers)
    if database_use is None:  # else a refusal has to end that use as well: see run_workers
        free_address(listening)
    with open_database(file.current, database_use) as database:
        run_workers(file.current, database.app_url, listening, note)
