"""What the tests of every plugin stand on: databases and worlds."""

pytest_plugins = ("core.testing.databases", "core.testing.kit")
