"""A hook that nobody calls."""

from core.hookspecs import hookimpl


@hookimpl
async def before_wriet(change):
    raise AssertionError
