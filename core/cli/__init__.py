"""The command line ``crm``. A command reads its options, calls functions, and says what was done.

Commands are loaded when they are called, so that no command waits for the imports of another.
"""

import logging
import sys
from importlib import import_module

import rich_click as click
from click.exceptions import Exit

from core import VERSION
from core.server.logging import configure

# Name, import path and help line, so that the help imports no command.
COMMANDS = {
    "serve": ("core.cli.commands.serve:serve", "Serve until told to stop."),
    "up": ("core.cli.commands.up:up", "Make the database, load the demo once, and serve."),
    "init": ("core.cli.commands.init:init", "Set up a first tenant and its administrator."),
    "demo": ("core.cli.commands.demo:demo", "Load demo people and records into acme and globex."),
    "check": ("core.cli.commands.check:check", "Judge configuration, plugins and declarations."),
    "config": ("core.cli.commands.check:config", "Look at the configuration."),
    "db": ("core.cli.commands.db:db", "Make, migrate, look at and remove the database."),
    "backup": ("core.cli.commands.backup:backup", "Write database and files into one file."),
    "restore": ("core.cli.commands.backup:restore", "Fill an empty database from a backup."),
    "tenant": ("core.cli.commands.tenant:tenant", "List and show tenants."),
    "user": ("core.cli.commands.user:user", "Create people and give them a password or a link."),
    "plugin": (
        "core.cli.commands.plugin:plugin",
        "List, make, check, switch, migrate and remove plugins.",
    ),
}


class Commands(click.RichGroup):
    """The commands by name, each imported when it is called; the help imports none."""

    listing = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        target, line = COMMANDS[cmd_name]
        if self.listing:
            return click.RichCommand(name=cmd_name, help=line)
        module, _, attribute = target.partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def get_help(self, ctx: click.Context) -> str:
        """Return the list of commands."""
        self.listing = True
        return super().get_help(ctx)


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
