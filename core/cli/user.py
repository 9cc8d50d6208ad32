"""``crm user``: people who sign in, for operators without a login of their own."""

import rich_click as click


@click.group()
def user() -> None:
    """Create people and give them a password or a link."""
