"""Read ``crm.toml`` and ``tenants.d/*.toml`` into a checked ``Config``.

A file in ``tenants.d`` holds ``[tenants.<slug>]`` tables and nothing else, so a tenant moves
between the files without a change.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.config import rules
from core.config.decode import decode
from core.config.lines import key_lines
from core.config.problems import (
    ConfigError,
    Findings,
    KeyPath,
    Location,
    LocationIndex,
    Problem,
    dotted,
)
from core.config.secrets import open_secrets
from core.config.structs import Config, DatabaseConfig, PluginsConfig, ServerConfig, TenantConfig

TENANTS_FOLDER = "tenants.d"
_SECTIONS = {"server": ServerConfig, "database": DatabaseConfig, "plugins": PluginsConfig}


def from_environment(environ: Mapping[str, str] | None = None) -> Config:
    """Load the file that ``CRM_CONFIG`` names, else ``crm.toml`` in the current folder."""
    return load(config_path(environ), environ=environ)


def config_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return the config file's absolute path."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("CRM_CONFIG") or "crm.toml").absolute()


def load(
    path: Path,
    *,
    environ: Mapping[str, str] | None = None,
    texts: Mapping[Path, str] | None = None,
) -> Config:
    """Read and check the configuration, or raise ``ConfigError`` with every problem.

    ``texts`` stands in for files on disk, so that an edit can be judged before it is written.
    """
    environ = os.environ if environ is None else environ
    path = path.absolute()
    source = _parsed(path, texts or {})
    findings = Findings(LocationIndex(path))
    source.note(findings.locations)
    tenants = _own_tenants(source.raw, findings)
    for extra in tenant_files(path):
        _add_tenants(_parsed(extra, texts or {}), tenants, findings)
    home = Path(environ.get("CRM_HOME") or "var").absolute()
    config = _decoded(source.raw, tenants, path, home, findings)
    rules.check(config, findings)
    database = open_secrets(config.database, path.parent, environ, findings)
    findings.refuse()
    return msgspec.structs.replace(config, database=database)


def tenant_files(path: Path) -> list[Path]:
    """Return the files of the tenants' folder beside the config file, by name; no hidden ones."""
    return sorted((path.parent / TENANTS_FOLDER).glob("[!.]*.toml"))


class _Source(msgspec.Struct, frozen=True):
    """One parsed file and the lines of its keys."""

    path: Path
    raw: dict[str, Any]
    lines: dict[KeyPath, int]

    def problem(self, key: KeyPath, detail: str) -> Problem:
        return Problem(Location(self.path, self.lines.get(key, 1)), dotted(key), detail)

    def note(self, locations: LocationIndex) -> None:
        """Add the file's keys to ``locations``; a key already known keeps its location."""
        for key, line in self.lines.items():
            locations.add(key, Location(self.path, line))


def _parsed(path: Path, texts: Mapping[Path, str]) -> _Source:
    text = ""
    try:
        text = texts[path] if path in texts else path.read_bytes().decode()
        raw = tomllib.loads(text)
    except OSError as error:
        hint = "; CRM_CONFIG names the config file" if isinstance(error, FileNotFoundError) else ""
        raise _unreadable(path, 1, f"{(error.strerror or str(error)).lower()}{hint}") from None
    except UnicodeDecodeError as error:
        raise _unreadable(path, 1, f"not UTF-8 text at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, *_syntax(str(error), text)) from None
    lines: dict[KeyPath, int] = {}
    for key, line in key_lines(text):
        lines.setdefault(key, line)
    return _Source(path, raw, lines)


def _unreadable(path: Path, line: int, detail: str) -> ConfigError:
    return ConfigError([Problem(Location(path, line), "", detail)])


def _syntax(message: str, text: str) -> tuple[int, str]:
    """Split tomllib's message into line and reason."""
    found = re.search(r" \(at line (\d+), column \d+\)$", message)
    if found:
        return int(found[1]), f"not valid TOML: {message[: found.start()]}"
    reason = message.removesuffix(" (at end of document)")
    return text.count("\n") + 1, f"not valid TOML: {reason}, the file ends too early"


def _own_tenants(raw: dict[str, Any], findings: Findings) -> dict[str, Any]:
    tenants = raw.get("tenants", {})
    if isinstance(tenants, dict):
        return dict(tenants)
    findings.add(("tenants",), "expected tables named [tenants.<slug>]")
    return {}


def _add_tenants(source: _Source, tenants: dict[str, Any], findings: Findings) -> None:
    """Add the tenants of one extra file; anything else, or a slug already taken, is refused."""
    for key in source.raw:
        if key != "tenants":
            detail = "only [tenants.<slug>] tables may stand here"
            findings.problems.append(source.problem((key,), detail))
    own = source.raw.get("tenants", {})
    for slug, table in (own if isinstance(own, dict) else {}).items():
        if slug in tenants:
            location = findings.locations.find(("tenants", slug))
            detail = f"this tenant is already defined in {location}"
            findings.problems.append(source.problem(("tenants", slug), detail))
        tenants.setdefault(slug, table)
    source.note(findings.locations)


def _decoded(
    raw: dict[str, Any], tenants: dict[str, Any], path: Path, home: Path, findings: Findings
) -> Config:
    """Build the structs; what could not be decoded takes its defaults until the refusal."""
    for key in raw:
        if key not in _SECTIONS and key != "tenants":
            findings.unknown((key,), "key", key, {*_SECTIONS, "tenants"})
    built = {
        name: decode(raw.get(name, {}), struct, (name,), findings) or struct()
        for name, struct in _SECTIONS.items()
    }
    return Config(
        **built,
        tenants={slug: _tenant(slug, table, findings) for slug, table in tenants.items()},
        path=path,
        home=home,
        locations=findings.locations,
    )


def _tenant(slug: str, table: object, findings: Findings) -> TenantConfig:
    path = ("tenants", slug)
    tenant = decode(table, TenantConfig, path, findings, extra={"slug": slug})
    if tenant is None:
        return TenantConfig(slug=slug, name=slug)
    return msgspec.structs.replace(
        tenant,
        name=tenant.name or slug,
        hosts=tuple(host.lower() for host in tenant.hosts),
    )
