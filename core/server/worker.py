"""What a worker process runs: the application, built inside the worker's own event loop.

The parent starts the database and hands down, in the environment, the application role's URL and
nothing that could do more.
"""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from core.config import ConfigFile
from core.errors import StartRefused
from core.server.logging import configure
from core.server.worker_status import report

log = structlog.get_logger("crm.serve")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PARENT_CHECK_SECONDS = 1.0


class Worker:
    """The ASGI application of one worker: nothing until the lifespan has started it."""

    def __init__(self, file: ConfigFile, app_url: str) -> None:
        self._file = file
        self._app_url = app_url
        self._app: Callable[[Message, Receive, Send], Awaitable[None]] | None = None
        self._watch: asyncio.Task[None] | None = None

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Return the coroutine that serves; no layer of its own stands before a request."""
        if scope["type"] == "lifespan":
            return self._live(scope, receive, send)
        assert self._app is not None
        return self._app(scope, receive, send)

    async def _live(self, scope: Message, receive: Receive, send: Send) -> None:
        # What a start makes stays: to look for garbage meanwhile, imports included, costs a fifth
        # of it, and afterwards the collector need not walk over it again.
        gc.disable()
        from core.server.app import create_app

        try:
            self._app = await create_app(self._file, self._app_url)
        except (StartRefused, OSError) as error:
            refuse(str(error))
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        gc.freeze()
        gc.enable()
        self._watch = asyncio.create_task(_end_with_parent(os.getppid()))
        await self._app(scope, receive, _after_startup(send))
        self._watch.cancel()


def _after_startup(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            report("ready")
        elif message["type"] == "lifespan.startup.failed":
            refuse(str(message.get("message", "")))
        await send(message)

    return sending


def refuse(reason: str) -> None:
    """Say why this worker does not serve: to the parent, or into the log without one."""
    logging.getLogger("_granian").disabled = True
    if not report("refused", reason):
        log.error("start_refused", reason=reason)


async def _end_with_parent(parent: int) -> None:
    """End when the parent was killed: nobody would keep the database running for us."""
    while True:
        await asyncio.sleep(PARENT_CHECK_SECONDS)
        if os.getppid() != parent:
            log.error("parent_gone")
            os.kill(os.getpid(), signal.SIGTERM)
            return


def app() -> Worker:
    """Return the worker's application; granian calls this in each worker."""
    configure()
    try:
        return Worker(ConfigFile(), os.environ["CRM_DATABASE_URL"])
    except StartRefused as error:
        refuse(str(error))
        raise SystemExit(1) from None
