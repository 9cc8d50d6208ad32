"""Needs what nobody has."""

import no_such_package_anywhere  # noqa: F401  # the point of this file

revision = "evil_unreadable_migration_0001"
down_revision = None
