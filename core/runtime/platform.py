"""The running product of one process: configuration, registry, database and tenants."""

import asyncio
import time
from collections.abc import Iterable
from functools import cached_property
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from core.access.rights import SYSTEM
from core.config import Config, ConfigFile, check_against
from core.database.connections import Database
from core.database.models import Models
from core.registry.loader import LoadedPlugins
from core.registry.registry import Choice
from core.runtime.tenant import Overlay, Tenant
from core.runtime.transaction_settings import transaction_settings

log = structlog.get_logger("crm.platform")

# How long a worker may go on with what people edited in another worker.
OVERLAY_SECONDS = 2.0


def check_against_registry(config: Config, loaded: LoadedPlugins) -> None:
    """Refuse, with ``ConfigError``, a configuration that names what no plugin declares."""
    registry = loaded.registry
    plugins = {n: p for n, p in registry.plugins.items() if n != "core"}
    check_against(
        config,
        installed=tuple({*plugins, *config.plugins.installed}),
        requires={n: p.manifest.requires for n, p in plugins.items()},
        settings={n: p.settings for n, p in plugins.items() if p.settings is not None},
        entities={n: registry.rights(e) for n, e in registry.entities.items()},
        scopes=tuple(registry.scopes),
        roles=tuple(registry.roles),
    )


# A month's part of the audit is made ahead of time; what comes without one goes to the last part.
CREATE_AUDIT_PARTITIONS = "SELECT crm_audit_ahead(12)"


class Platform:
    """What every request of a process shares. Tenants are replaced whole, never changed."""

    def __init__(self, file: ConfigFile, loaded: LoadedPlugins, database: Database) -> None:
        self.file = file
        self.loaded = loaded
        self.database = database
        self.registry = loaded.registry
        self.quarantined: frozenset[str] = frozenset()
        # What core.auth remembers for this process (``auth_of``).
        self.auth: object = None
        self.by_id: dict[UUID, Tenant] = {}
        self.by_slug: dict[str, Tenant] = {}
        self.by_number: dict[int, Tenant] = {}
        self.by_host: dict[str, Tenant] = {}
        self._places: dict[str, tuple[UUID, int]] = {}
        self._read_at: dict[UUID, float] = {}
        self._turn = asyncio.Lock()
        self._adopted: Config | None = None
        # By table: when the catalogue was asked how many rows it has, and what it said.
        self.sizes: dict[str, tuple[float, int]] = {}

    @cached_property
    def models(self) -> Models:
        """The mapped classes, for plugin services that want the ORM."""
        return Models(self.registry)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.file.current

    async def start(self) -> None:
        """Enrol the configured tenants, take their snapshots, make room for the audit's year."""
        await self._adopt()
        await self.database.write("SELECT 1", lambda unit: unit.execute(CREATE_AUDIT_PARTITIONS))

    async def stop(self) -> None:
        """Close the pool."""
        await self.database.dispose()

    async def refresh(self) -> None:
        """Take over an edited configuration file; costs a ``stat`` while nothing changes.

        An attempt that the database cut short is made again by the next request.
        """
        self.file.refresh()
        if self.config is not self._adopted:
            async with self._turn:
                if self.config is not self._adopted:
                    await self._adopt()

    async def _adopt(self) -> None:
        config = self.config
        slugs = list(config.tenants)
        if missing := [slug for slug in slugs if slug not in self._places]:
            await self._enrol(missing)
        overlays = {slug: await self._overlay(self._places[slug][0]) for slug in slugs}
        self._publish(
            Tenant(*self._places[slug], config.tenants[slug], self.loaded, overlays[slug])
            for slug in slugs
        )
        self._adopted = config

    def _publish(self, tenants: Iterable[Tenant]) -> None:
        found = list(tenants)
        self.by_id = {t.id: t for t in found}
        self.by_slug = {t.slug: t for t in found}
        self.by_number = {t.number: t for t in found}
        self.by_host = {host.lower(): t for t in found for host in t.config.hosts}

    async def _enrol(self, slugs: list[str]) -> None:
        async def run(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            for slug in slugs:
                await connection.execute("SELECT crm_enrol_tenant($1)", slug)
            rows: list[asyncpg.Record] = await connection.fetch(
                "SELECT id, slug, number FROM core_tenant WHERE slug = ANY ($1)", slugs
            )
            return rows

        for row in await self.database.write("SELECT 1", lambda unit: run(unit.connection)):
            self._places[row["slug"]] = (UUID(str(row["id"])), row["number"])

    async def _overlay(self, tenant: UUID) -> Overlay:
        """Return what people of a tenant have edited."""
        sql = "SELECT kind, name, value FROM core_setting WHERE tenant_id = $1"
        context = transaction_settings(tenant, SYSTEM, "*")
        rows = await self.database.read(context, lambda c: c.fetch(sql, tenant))
        self._read_at[tenant] = time.monotonic()
        return _overlay_of(rows)

    async def fresh(self, tenant: Tenant) -> Tenant:
        """Return the tenant's snapshot, renewed when people's edits may be older than 2 s."""
        if time.monotonic() - self._read_at.get(tenant.id, 0.0) < OVERLAY_SECONDS:
            return tenant
        return await self.renew(tenant)

    async def renew(self, tenant: Tenant) -> Tenant:
        """Read the tenant's edits again and return a new snapshot if they differ."""
        self._read_at[tenant.id] = time.monotonic()
        overlay = await self._overlay(tenant.id)
        # The file may have been taken over since the caller got hold of their snapshot.
        now = self.by_id.get(tenant.id, tenant)
        if overlay == now.overlay:
            return now
        renewed = Tenant(now.id, now.number, now.config, self.loaded, overlay)
        self._publish(renewed if t.id == tenant.id else t for t in self.by_id.values())
        return renewed


def _overlay_of(rows: list[asyncpg.Record]) -> Overlay:
    settings: dict[str, dict[str, Any]] = {}
    dictionaries: dict[str, tuple[Choice, ...]] = {}
    for row in rows:
        value = row["value"]
        if row["kind"] == "settings":
            settings[row["name"]] = value
        elif row["kind"] == "dictionary":
            dictionaries[row["name"]] = msgspec.convert(value, tuple[Choice, ...])
    return Overlay(settings, dictionaries)
