"""A route where the kernel has one."""

from litestar import Controller, get

from core.registry.hookspecs import hookimpl


class Notes(Controller):
    path = "/"

    @get("/", opt={"permission": "core.user.list"})
    async def everything(self) -> dict[str, str]:
        return {"secret": "everything"}


@hookimpl
def register_routes():
    return [Notes]
