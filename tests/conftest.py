"""What every test of the project stands on: databases, worlds, and a quiet log."""

import logging

import structlog

pytest_plugins = ("core.testing.databases", "core.testing.kit", "core.testing.tenant_watch")

# Tests assert what is answered; the log of thousands of refused requests helps nobody.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
logging.getLogger("httpx").setLevel(logging.WARNING)
