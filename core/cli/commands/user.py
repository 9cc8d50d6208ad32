"""``crm user``: people who sign in, for operators without a login of their own."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import rich_click as click

from core.auth.users import administration
from core.cli.connection import chosen, open_database, read_config
from core.cli.one_time_links import one_time
from core.cli.platforms import platform_of
from core.config import ConfigFile
from core.postgres.blocking import finish
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

T = TypeVar("T")
Work = Callable[[Platform, Tenant], Awaitable[T]]


@click.group()
def user() -> None:
    """Create people and give them a password or a one-time link."""


def in_tenant(file: ConfigFile, slug: str, work: Work[T]) -> T:
    """Run ``work`` on a tenant of the running or just started database."""
    with open_database(file.current) as database:

        async def run() -> T:
            async with platform_of(file, database) as platform:
                return await work(platform, platform.by_slug[slug])

        return finish(run())


_tenant = click.option("--tenant", "slug", help="The tenant's slug.")


@user.command("create")
@click.argument("email")
@click.option("--name", help="What people call them; the address's first part by default.")
@click.option("--role", "roles", multiple=True, help="May be given more than once.")
@click.option("--password", envvar="CRM_PASSWORD", help="Otherwise a one-time link is printed.")
@_tenant
def create(
    email: str, name: str | None, roles: tuple[str, ...], password: str | None, slug: str | None
) -> None:
    """Create a user; harmless when EMAIL exists with the same roles."""
    file = read_config()
    tenant = chosen(file, slug)
    called = name or email.partition("@")[0]

    async def work(
        platform: Platform, tenant: Tenant
    ) -> tuple[administration.CreatedUser, str | None]:
        made = await administration.create_user(
            platform, tenant, email, called, roles or ("staff",), password
        )
        if password is not None or not made.new:
            return made, None
        return made, await administration.reset_link(platform, tenant, email)

    made, token = in_tenant(file, tenant, work)
    click.echo(f"{made.email} {'was created' if made.new else 'exists already'} in {tenant}.")
    if token is not None:
        click.echo(one_time(file.current, file.current.tenants[tenant], made.email, token))


@user.command("set-password")
@click.argument("email")
@click.option("--password", envvar="CRM_PASSWORD", prompt=True, hide_input=True,
              confirmation_prompt=True, help="Asked for when left out.")  # fmt: skip
@_tenant
def set_password(email: str, password: str, slug: str | None) -> None:
    """Set a user's password; all sessions end."""
    file = read_config()
    in_tenant(
        file,
        chosen(file, slug),
        lambda platform, tenant: administration.set_password(platform, tenant, email, password),
    )
    click.echo(f"The password of {email} is set; all sessions have ended.")


@user.command("reset-link")
@click.argument("email")
@_tenant
def reset_link(email: str, slug: str | None) -> None:
    """Print a one-time right to set a password."""
    file = read_config()
    tenant = chosen(file, slug)
    token = in_tenant(
        file,
        tenant,
        lambda platform, tenant: administration.reset_link(platform, tenant, email),
    )
    click.echo(one_time(file.current, file.current.tenants[tenant], email, token))
