"""The world that the tests of this plugin run in."""

pytest_plugins = ("core.testing.databases", "core.testing.kit")
