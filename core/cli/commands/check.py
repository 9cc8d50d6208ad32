"""``crm check`` and ``crm config``: judge and show the configuration; no database is needed."""

import msgspec
import rich_click as click

from core.cli.connection import read_config
from core.cli.loading import load_plugins
from core.config import masked


@click.command()
def check() -> None:
    """Judge configuration, plugins and declarations without a database."""
    file = read_config()
    registry = load_plugins(file).registry
    click.echo(
        f"{file.path} is good: {len(file.current.tenants)} tenants,"
        f" {len(registry.plugins) - 1} plugins, {len(registry.entities)} entities."
    )


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command("show")
def config_show() -> None:
    """Print the configuration in force, defaults included and secrets masked."""
    current = read_config().current
    click.echo(f"# {current.path}; CRM_HOME is {current.home}")
    for section in ("server", "database", "plugins"):
        click.echo(f"[{section}]")
        _show(getattr(current, section))
    for slug, tenant in current.tenants.items():
        click.echo(f"[tenants.{slug}]")
        _show(tenant)


def _show(struct: msgspec.Struct) -> None:
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if value is not None:
            text = masked(value) if name.endswith("_url") or name == "url" else _text(value)
            click.echo(f"{name} = {text}")


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
