"""``crm tenant``: the tenants of the configuration and what each has switched on."""

import rich_click as click
from rich.table import Table

from core.cli.connection import chosen, read_config, show


@click.group()
def tenant() -> None:
    """List and show tenants; they are defined in the configuration."""


@tenant.command("list")
def tenant_list() -> None:
    """List the tenants."""
    table = Table("Slug", "Name", "Hosts", "Plugins")
    for found in read_config().current.tenants.values():
        hosts, plugins = ", ".join(found.hosts), ", ".join(found.plugins)
        table.add_row(found.slug, found.name, hosts or "-", plugins or "-")
    show(table)


@tenant.command("show")
@click.argument("slug", required=False)
def tenant_show(slug: str | None) -> None:
    """Show one tenant's defaults and the file and line that define it."""
    file = read_config()
    slug = chosen(file, slug)
    found = file.current.tenants[slug]
    click.echo(f"defined in        {file.current.locations.find(('tenants', slug))}")
    for name in found.__struct_fields__:
        value = getattr(found, name)
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else value
        click.echo(f"{name:<18}{shown if shown not in ('', {}) else '-'}")
