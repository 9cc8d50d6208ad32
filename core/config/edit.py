"""Edit the config file by program: under its lock, judged before it is written, comments kept."""

from collections.abc import Callable, Mapping
from pathlib import Path

import tomlkit
from tomlkit import TOMLDocument

from core.config.file import clear_refusal, locked, replace_file
from core.config.reading import load
from core.config.structs import Config

Change = Callable[[TOMLDocument], None]


def edit(path: Path, change: Change, environ: Mapping[str, str] | None = None) -> Config:
    """Apply ``change`` to the file; refuses with ``ConfigError`` what would not be valid.

    Waits for other editors. A read-only file is refused with ``Conflict``.
    """
    path = path.absolute()
    with locked(path):
        document = tomlkit.parse(path.read_bytes().decode())
        change(document)
        text = tomlkit.dumps(document)
        config = load(path, environ=environ, texts={path: text})
        with clear_refusal(path):
            replace_file(path.resolve(), text)
    return config


def add_tenant(slug: str, name: str, hosts: tuple[str, ...], plugins: tuple[str, ...]) -> Change:
    """Return the change that defines a tenant."""

    def change(document: TOMLDocument) -> None:
        tenants = document.setdefault("tenants", tomlkit.table(is_super_table=True))
        table = tomlkit.table()
        table["name"] = name
        table["hosts"] = list(hosts)
        table["plugins"] = list(plugins)
        tenants[slug] = table

    return change


def list_plugin(name: str, *, on: bool) -> Change:
    """Return the change that lists a plugin as installed, or takes it out of every list."""

    def change(document: TOMLDocument) -> None:
        section = document.setdefault("plugins", tomlkit.table())
        installed = section.setdefault("installed", tomlkit.array())
        if on and name not in installed:
            installed.append(name)
        if on:
            return
        lists = [installed, *(t.get("plugins", []) for t in document.get("tenants", {}).values())]
        for found in lists:
            if name in found:
                found.remove(name)
        for tenant in document.get("tenants", {}).values():
            tenant.get("settings", {}).pop(name, None)

    return change
