"""What the tests of the configuration share: a good file, writing one, and reading a refusal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import ConfigError, load

BASE = """\
[plugins]
installed = ["customers", "loyalty"]

[tenants.acme]
name = "Acme"
hosts = ["acme.localhost"]
plugins = ["customers", "loyalty"]
"""

Write = Callable[..., Path]


def refused(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    """Return the lines of the refusal, with the folder taken off."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ=environ or {})
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()
