"""A route that says public=True."""

from litestar import Controller, get

from core.registry.hookspecs import hookimpl


class Notes(Controller):
    path = "/notes"

    @get("/all", opt={"public": True})
    async def everything(self) -> dict[str, str]:
        return {"secret": "everything"}


@hookimpl
def register_routes():
    return [Notes]
