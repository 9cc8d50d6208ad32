"""Judge the values of a decoded configuration: names, places, money, hosts, grants."""

import ipaddress
import re
import zoneinfo
from collections.abc import Collection, Iterable
from functools import cache
from urllib.parse import urlsplit

import phonenumbers
from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers
from babel.numbers import list_currencies

from core.config.problems import Findings, KeyPath
from core.config.structs import Config, ServerConfig, TenantConfig

_SLUG = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?")
_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
_PATH = re.compile(r"(?:/[A-Za-z0-9_.-]+)+")
_GRANT = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+:[a-z0-9_]+(?:,[a-z0-9_]+)*:[a-z0-9_]+")
GRANT_FORM = '"entity:action,action:scope", such as "customers.customer:list,view:all"'


def check(config: Config, findings: Findings) -> None:
    """Add every bad value of the configuration to ``findings``."""
    _server(config.server, findings)
    _names(config.plugins.installed, ("plugins", "installed"), findings)
    for slug, tenant in config.tenants.items():
        path = ("tenants", slug)
        if not _SLUG.fullmatch(slug):
            findings.add(
                path,
                f'"{slug}" cannot be a tenant\'s slug: a lower-case letter, then letters, '
                "digits and inner hyphens, at most 40",
            )
        _region(tenant, path, findings)
        _plugins(tenant, config.plugins.installed, path, findings)
        _dictionaries(tenant, path, findings)
        _roles(tenant, path, findings)
        _aliases(tenant.aliases, path, findings)
    _hosts(config, findings)


def _server(server: ServerConfig, findings: Findings) -> None:
    path = ("server",)
    if server.base_url is not None and not _is_origin(server.base_url.rstrip("/")):
        findings.add((*path, "base_url"), "expected a URL such as https://crm.example.com")
    for i, origin in enumerate(server.cors):
        if not _is_origin(origin):
            findings.add(
                (*path, "cors", f"[{i}]"),
                f'"{origin}" is not an origin such as http://localhost:5173',
            )
    for i, proxy in enumerate(server.trusted_proxies):
        if not _is_network(proxy):
            findings.add(
                (*path, "trusted_proxies", f"[{i}]"), f'"{proxy}" is not an IP address or network'
            )
    for i, host in enumerate(server.allowed_hosts):
        if not _HOST.fullmatch(host.removeprefix("*.")) and not _is_network(host):
            findings.add((*path, "allowed_hosts", f"[{i}]"), f'"{host}" is not a host name')
    _aliases(server.aliases, path, findings)


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port or 1) > 0
            and text == f"{parts.scheme}://{parts.netloc}"
            and "@" not in parts.netloc
        )
    except ValueError:  # a port that is no number
        return False


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _aliases(aliases: dict[str, str], path: KeyPath, findings: Findings) -> None:
    for alias, target in aliases.items():
        at = (*path, "aliases", alias)
        if not _PATH.fullmatch(alias) or not _PATH.fullmatch(target):
            findings.add(at, 'an alias maps one path to another, such as "/api/crm" = "/api"')
        elif f"{target}/".startswith(f"{alias}/"):
            findings.add(at, f'"{target}" lies under its own alias, so it would never resolve')


def _names(names: Iterable[str], path: KeyPath, findings: Findings) -> None:
    seen: set[str] = set()
    for i, name in enumerate(names):
        if not _NAME.fullmatch(name):
            findings.add(
                (*path, f"[{i}]"),
                f'"{name}" is not a name: a lower-case letter, then letters, digits, _',
            )
        elif name in seen:
            findings.add((*path, f"[{i}]"), f'"{name}" is listed twice')
        seen.add(name)


def _region(tenant: TenantConfig, path: KeyPath, findings: Findings) -> None:
    _one_of(tenant.timezone, _zones(), (*path, "timezone"), "time zone", findings)
    _one_of(tenant.currency, _currencies(), (*path, "currency"), "currency", findings)
    regions = phonenumbers.SUPPORTED_REGIONS
    _one_of(tenant.phone_region, regions, (*path, "phone_region"), "phone region", findings)
    if not _is_locale(tenant.locale):
        findings.unknown((*path, "locale"), "locale", tenant.locale, _locales())
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", tenant.theme):
        findings.add((*path, "theme"), f'"{tenant.theme}" is not the name of a folder in themes/')


def _one_of(
    value: str, allowed: Collection[str], path: KeyPath, what: str, findings: Findings
) -> None:
    if value not in allowed:
        findings.unknown(path, what, value, allowed)


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


@cache
def _locales() -> frozenset[str]:
    return frozenset(locale_identifiers())


@cache
def _is_locale(name: str) -> bool:
    try:
        Locale.parse(name, sep="-" if "-" in name else "_")
    except (ValueError, UnknownLocaleError):
        return False
    return True


def _plugins(
    tenant: TenantConfig, installed: Collection[str], path: KeyPath, findings: Findings
) -> None:
    _names(tenant.plugins, (*path, "plugins"), findings)
    for i, plugin in enumerate(tenant.plugins):
        _one_of(plugin, installed, (*path, "plugins", f"[{i}]"), "plugin", findings)
    for plugin in tenant.settings:
        _one_of(plugin, installed, (*path, "settings", plugin), "plugin", findings)


def _dictionaries(tenant: TenantConfig, path: KeyPath, findings: Findings) -> None:
    for name, choices in tenant.dictionaries.items():
        seen: set[str] = set()
        for i, choice in enumerate(choices):
            at = (*path, "dictionaries", name, f"[{i}]", "code")
            if not _CODE.fullmatch(choice.code):
                findings.add(
                    at, f'"{choice.code}" is not a code: lower-case letters, digits, _ . -'
                )
            elif choice.code in seen:
                findings.add(at, f'"{choice.code}" is listed twice')
            seen.add(choice.code)


def _roles(tenant: TenantConfig, path: KeyPath, findings: Findings) -> None:
    for name, role in tenant.roles.items():
        at = (*path, "roles", name)
        if not _NAME.fullmatch(name):
            findings.add(
                at, f'"{name}" is not a name: a lower-case letter, then letters, digits, _'
            )
        if role.like is not None and _circles(name, tenant):
            findings.add((*at, "like"), f'"{name}" is like itself over "{role.like}"')
        for i, grant in enumerate(role.grants):
            if not _GRANT.fullmatch(grant):
                findings.add(
                    (*at, "grants", f"[{i}]"), f'"{grant}" is not a grant of the form {GRANT_FORM}'
                )


def _circles(name: str, tenant: TenantConfig) -> bool:
    seen, step = {name}, tenant.roles[name].like
    while step in tenant.roles and step not in seen:
        seen.add(step)
        step = tenant.roles[step].like
    return step == name


def _hosts(config: Config, findings: Findings) -> None:
    """Refuse a host that two tenants claim: a request must belong to one."""
    owners: dict[str, str] = {}
    for slug, tenant in config.tenants.items():
        for i, host in enumerate(tenant.hosts):
            at = ("tenants", slug, "hosts", f"[{i}]")
            if not _HOST.fullmatch(host):
                findings.add(
                    at, f'"{host}" is not a host name such as acme.example.com, without a port'
                )
            elif host in owners:
                location = findings.locations.find(("tenants", owners[host], "hosts"))
                findings.add(
                    at, f'"{host}" already belongs to tenant "{owners[host]}" ({location})'
                )
            owners.setdefault(host, slug)
