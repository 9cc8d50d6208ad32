"""``crm serve``: the web server over a database that is ready for it."""

from collections.abc import Callable
from typing import TypeVar

import rich_click as click

from core.cli.connection import open_database, read_config
from core.config import Config
from core.server.supervisor import Listening, free, serve_until_told

F = TypeVar("F", bound=Callable[..., None])


class Wish:
    """What the command line says about listening; what it leaves open the file decides."""

    def __init__(self, host: str | None, port: int | None, workers: int | None) -> None:
        self._host, self._port, self._workers = host, port, workers

    def over(self, config: Config) -> Listening:
        """Return host, port and workers."""
        server = config.server
        return Listening(
            self._host or server.host, self._port or server.port, self._workers or server.workers
        )


def listening_options(command: F) -> F:
    """Add --host, --port and --workers to a command."""
    for option in (
        click.option("--workers", type=click.IntRange(1, 1000), help="Processes that serve."),
        click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on."),
        click.option("--host", help="Address to listen on."),
    ):
        command = option(command)
    return command


@click.command()
@listening_options
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve until told to stop. Options win over the configuration file."""
    file = read_config()
    listening = Wish(host, port, workers).over(file.current)
    free(listening)
    with open_database(file.current) as database:
        serve_until_told(file.current, database, listening)
