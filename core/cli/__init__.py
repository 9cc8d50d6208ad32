"""The command line ``crm``. A command reads its options, calls functions, and says what was done.

Commands are loaded when they are called, so that no command waits for the imports of another.
"""

import logging
import sys
from importlib import import_module

import rich_click as click
from click.exceptions import Exit

from core import VERSION
from core.logs import configure

COMMANDS = {
    "serve": "core.cli.server:serve",
    "up": "core.cli.up:up",
    "init": "core.cli.first:init",
    "demo": "core.cli.demo:demo",
    "check": "core.cli.check:check",
    "config": "core.cli.check:config",
    "db": "core.cli.db:db",
    "backup": "core.cli.archives:backup",
    "restore": "core.cli.archives:restore",
    "tenant": "core.cli.tenant:tenant",
    "user": "core.cli.user:user",
    "plugin": "core.cli.plugin:plugin",
}


class Commands(click.RichGroup):
    """The commands by name; each is imported when it is called, all of them for the help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="Trellis")
def crm() -> None:
    """Trellis: a modular, multi-tenant CRM platform."""


def main() -> None:
    """Run a command; what is refused is one message and a status other than 0."""
    configure(level=logging.ERROR)
    try:
        crm.main(standalone_mode=False)
    except Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except Exception as error:
        from core.cli.refusals import message_of  # heavy imports that a good run never needs

        message = message_of(error)
        if message is None:
            raise
        click.secho(message, err=True, fg="red" if sys.stderr.isatty() else None)
        sys.exit(1)
