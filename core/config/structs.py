"""The shape of ``crm.toml`` as frozen values: what operators decide, and nothing else.

What people edit in the UI is laid over these defaults as rows of their tenant.
"""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta

from core.config.problems import LocationIndex

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1000)]
Milliseconds = Annotated[int, Meta(ge=1, le=3_600_000)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the web server listens and whom it trusts."""

    base_url: str | None = None
    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Count = 1
    trusted_proxies: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    docs: bool = True
    secret_key_file: str | None = None


class DatabaseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where PostgreSQL is; without a ``url`` the program starts its own server.

    Once loaded, the URLs hold what their files or the environment say.
    """

    url: str | None = None
    url_file: str | None = None
    owner_url: str | None = None
    owner_url_file: str | None = None
    direct_url: str | None = None
    direct_url_file: str | None = None
    replica_url: str | None = None
    replica_url_file: str | None = None
    pooler: bool = False
    pool_size: Count = 10
    statement_timeout_ms: Milliseconds = 5000

    def __repr__(self) -> str:
        """Show no password: values of this kind end up in logs and tracebacks."""
        shown = (
            f"{name}={masked(value) if name.endswith('url') else value!r}"
            for name, value in msgspec.structs.asdict(self).items()
            if value is not None
        )
        return f"DatabaseConfig({', '.join(shown)})"


class PluginsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The plugins that the process loads; enabling them is each tenant's matter."""

    installed: tuple[str, ...] = ()


class ChoiceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a dictionary; the code is stored and never changes, the label may."""

    code: Text
    label: Text
    order: int = 0


class RoleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A role of the tenant's own. A grant reads ``entity:action,action:scope``."""

    label: Text
    like: str | None = None
    grants: tuple[str, ...] = ()


class TenantConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant's defaults."""

    slug: str
    name: str = ""
    hosts: tuple[str, ...] = ()
    locale: str = "en"
    timezone: str = "UTC"
    currency: str = "USD"
    phone_region: str = "US"
    theme: str = "default"
    plugins: tuple[str, ...] = ()
    settings: dict[str, dict[str, Any]] = {}
    dictionaries: dict[str, tuple[ChoiceConfig, ...]] = {}
    roles: dict[str, RoleConfig] = {}
    aliases: dict[str, str] = {}
    require_if_match: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the files and the environment say, checked and complete."""

    server: ServerConfig
    database: DatabaseConfig
    plugins: PluginsConfig
    tenants: dict[str, TenantConfig]
    path: Path
    home: Path
    locations: LocationIndex


def masked(url: str | None) -> str:
    """Return the URL with its password replaced, fit for people's eyes."""
    if not url:
        return repr(url)
    parts = urlsplit(url)
    if parts.password is None and "password=" not in parts.query:
        return repr(url)
    location = f"{parts.username or ''}:***@{parts.netloc.rpartition('@')[2]}"
    return repr(urlunsplit((parts.scheme, location, parts.path, "", "")))
