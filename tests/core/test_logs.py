"""Lines of requests are written together, whatever is worse than they at once, none is lost."""

import asyncio
import io

from core.server.logging import Gathered


async def test_lines_of_requests_are_written_together():
    file = io.BytesIO()
    log = Gathered(file)
    log.info(b"one")
    log.info(b"two")
    assert file.getvalue() == b""
    await asyncio.sleep(0.1)
    assert file.getvalue() == b"one\ntwo\n"
    log.info(b"three")
    await asyncio.sleep(0.1)
    assert file.getvalue() == b"one\ntwo\nthree\n"


async def test_what_is_worse_is_written_at_once_with_all_before_it():
    file = io.BytesIO()
    log = Gathered(file)
    log.info(b"one")
    log.error(b"two")
    assert file.getvalue() == b"one\ntwo\n"


def test_without_a_loop_each_line_is_written_at_once():
    file = io.BytesIO()
    log = Gathered(file)
    log.info(b"one")
    assert file.getvalue() == b"one\n"


def test_a_loop_that_ended_loses_no_line():
    file = io.BytesIO()
    log = Gathered(file)

    async def tell():
        log.info(b"one")

    asyncio.run(tell())
    log.info(b"two")
    log.flush()
    assert file.getvalue() == b"one\ntwo\n"
