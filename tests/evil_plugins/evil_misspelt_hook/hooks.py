"""A hook that nobody calls."""

from core.registry.hookspecs import hookimpl


@hookimpl
async def before_wriet(change):
    raise AssertionError
