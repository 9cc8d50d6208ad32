"""One line per event: JSON for machines, colours on a terminal; never bodies, never secrets."""

import logging
import sys
from typing import Any

import msgspec
import structlog
from structlog.typing import Processor

SHARED: tuple[Processor, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


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
    return processors, structlog.BytesLoggerFactory(sys.stderr.buffer)


def _pretty() -> tuple[list[Processor], Any]:
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [plain], structlog.PrintLoggerFactory(sys.stderr)


def _encode(event: Any, **_: Any) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)


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
