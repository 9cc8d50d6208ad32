"""Judge a configuration against what is really there: plugins, their settings, their entities."""

from collections.abc import Collection, Mapping

import msgspec

from core.config.decode import decode
from core.config.problems import Findings, KeyPath
from core.config.structs import Config, TenantConfig


def check_against(
    config: Config,
    installed: Collection[str],
    requires: Mapping[str, Collection[str]],
    settings: Mapping[str, type[msgspec.Struct]],
    entities: Mapping[str, Collection[str]] | None = None,
    scopes: Collection[str] | None = None,
    roles: Collection[str] | None = None,
) -> None:
    """Raise ``ConfigError`` with every name or setting that the plugins do not know.

    ``entities`` maps an entity's name to its actions. What is None is not looked at, so that a
    caller without a registry can still check the plugins.
    """
    findings = Findings(config.locations)
    listed = config.plugins.installed
    for i, plugin in enumerate(listed):
        at: KeyPath = ("plugins", "installed", f"[{i}]")
        if plugin not in installed:
            findings.unknown(at, "plugin", plugin, installed)
        _requirements(plugin, listed, requires, at, "is not installed", findings)
    for slug, tenant in config.tenants.items():
        path = ("tenants", slug)
        for i, plugin in enumerate(tenant.plugins):
            at = (*path, "plugins", f"[{i}]")
            _requirements(plugin, tenant.plugins, requires, at, "is not enabled here", findings)
        _settings(tenant, settings, path, findings)
        _grants(tenant, entities, scopes, roles, path, findings)
    findings.refuse()


def _requirements(
    plugin: str,
    present: Collection[str],
    requires: Mapping[str, Collection[str]],
    at: KeyPath,
    absence: str,
    findings: Findings,
) -> None:
    for needed in sorted(requires.get(plugin, ())):
        if needed not in present:
            findings.add(at, f'"{plugin}" requires "{needed}", which {absence}; add it to the list')


def _settings(
    tenant: TenantConfig,
    settings: Mapping[str, type[msgspec.Struct]],
    path: KeyPath,
    findings: Findings,
) -> None:
    for plugin, values in tenant.settings.items():
        at = (*path, "settings", plugin)
        if plugin in settings:
            decode(values, settings[plugin], at, findings)
        elif values:
            findings.add(at, f'the plugin "{plugin}" has no settings')


def _grants(
    tenant: TenantConfig,
    entities: Mapping[str, Collection[str]] | None,
    scopes: Collection[str] | None,
    roles: Collection[str] | None,
    path: KeyPath,
    findings: Findings,
) -> None:
    """Refuse a grant that names what does not exist: it would allow nothing, silently."""
    for name, role in tenant.roles.items():
        at = (*path, "roles", name)
        if role.like is not None and roles is not None:
            known = {*roles, *tenant.roles}
            if role.like not in known:
                findings.unknown((*at, "like"), "role", role.like, known)
        for i, grant in enumerate(role.grants):
            entity, actions, scope = grant.split(":")
            location = (*at, "grants", f"[{i}]")
            if entities is not None and entity not in entities:
                findings.unknown(location, "entity", entity, entities)
            elif entities is not None:
                for action in actions.split(","):
                    if action not in entities[entity]:
                        findings.unknown(location, f"action of {entity}", action, entities[entity])
            if scopes is not None and scope not in scopes:
                findings.unknown(location, "scope", scope, scopes)
