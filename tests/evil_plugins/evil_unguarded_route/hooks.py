"""A route without a permission."""

from litestar import Controller, get

from core.registry.hookspecs import hookimpl


class Notes(Controller):
    path = "/notes"

    @get("/all")
    async def everything(self) -> dict[str, str]:
        return {"secret": "everything"}


@hookimpl
def register_routes():
    return [Notes]
