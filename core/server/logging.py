"""One line per event: JSON for machines, colours on a terminal; never bodies, never secrets."""

import asyncio
import atexit
import logging
import sys
import time
from typing import Any, BinaryIO

import msgspec
import structlog
from structlog.typing import Processor

SHARED: tuple[Processor, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
GATHERING_SECONDS = 0.05
LATE_SECONDS = 1.0


def configure(*, pretty: bool | None = None, level: int = logging.INFO) -> None:
    """Set up structlog for this process; ``pretty`` defaults to whether a terminal reads along."""
    if pretty is None:
        pretty = sys.stderr.isatty()
    processors, factory = _pretty() if pretty else _json()
    structlog.configure(
        processors=[*SHARED, *processors],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    _adopt_stdlib(level)


def _json() -> tuple[list[Processor], Any]:
    # A traceback without the values of local variables: those may be a person's.
    processors: list[Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_encode),
    ]
    gathered = Gathered(sys.stderr.buffer)
    atexit.register(gathered.flush)
    return processors, lambda *_: gathered


def _pretty() -> tuple[list[Processor], Any]:
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [plain], structlog.PrintLoggerFactory(sys.stderr)


def _encode(event: Any, **_: Any) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)


class Gathered:
    """Writes lines to a file, those that only tell of requests together every 50 ms.

    Each write of its own would take as long as a sixth of a create. Warnings and worse are written
    at once, with all before them, and so is everything outside an event loop.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: list[bytes] = []
        self._since = 0.0

    def keep(self, line: bytes) -> None:
        """Keep a line until the next writing."""
        self._lines.append(line)
        if len(self._lines) == 1:
            self._since = time.monotonic()
            try:
                asyncio.get_running_loop().call_later(GATHERING_SECONDS, self.flush)
            except RuntimeError:  # nothing would call
                self.flush()
        elif time.monotonic() - self._since > LATE_SECONDS:  # the loop that was to call has ended
            self.flush()

    def write(self, line: bytes) -> None:
        """Write a line, and what was kept, at once."""
        self._lines.append(line)
        self.flush()

    # The names by which structlog calls.
    debug = info = keep
    warn = warning = error = critical = exception = fatal = failure = log = msg = write

    def flush(self) -> None:
        """Write what is kept."""
        lines, self._lines = self._lines, []
        if lines:
            self._file.write(b"\n".join(lines) + b"\n")
            self._file.flush()


class Forward(logging.Handler):
    """Hands the lines of libraries that use ``logging`` to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as an event named after its logger."""
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _adopt_stdlib(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [Forward()]
    root.setLevel(max(level, logging.WARNING))
