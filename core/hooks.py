"""The only caller of pluggy: a tenant's hooks are those of the plugins that it has enabled."""

from collections.abc import Collection, Iterator, Mapping
from types import ModuleType
from typing import Any

import pluggy
from pluggy._hooks import HookImpl

from core import hookspecs
from core.errors import StartRefused


class Hooks:
    """All implementations, in dependency order; ``for_plugins`` narrows them to a tenant's."""

    def __init__(self, order: Mapping[str, int], silent: frozenset[str] = frozenset()) -> None:
        self._manager = pluggy.PluginManager("crm")
        self._manager.add_hookspecs(hookspecs)
        self._order = order
        self._silent = silent

    def add(self, name: str, module: ModuleType) -> None:
        """Register the one object of a plugin: its ``hooks`` module, under its manifest name."""
        try:
            self._manager.register(module, name)
        except pluggy.PluginValidationError as error:
            raise StartRefused(f"plugin {name!r}, {module.__file__}: {error}") from None

    def check(self) -> None:
        """Refuse a hook that no specification knows: a misspelt one would never be called."""
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            module = getattr(error.plugin, "__file__", error.plugin)
            raise StartRefused(f"{module}: {error}") from None

    def for_plugins(self, enabled: Collection[str]) -> "Hooks":
        """Return the hooks of a tenant: a plugin that it has not enabled stays silent."""
        narrowed = Hooks.__new__(Hooks)
        narrowed._manager = self._manager
        narrowed._order = self._order
        narrowed._silent = frozenset(n for n, _ in self._manager.list_name_plugin()) - set(enabled)
        return narrowed

    def implementations(self, hook: str) -> list[HookImpl]:
        """Return the implementations of ``hook`` that are not silent, in dependency order."""
        caller = getattr(self._manager.hook, hook)
        found = [i for i in caller.get_hookimpls() if i.plugin_name not in self._silent]
        return sorted(found, key=lambda impl: self._order[impl.plugin_name])

    def ask(self, hook: str, **given: Any) -> Iterator[tuple[str, Any]]:
        """Yield (plugin, answer) of each plugin that has one."""
        for impl in self.implementations(hook):
            answer = impl.function(*(given[name] for name in impl.argnames))
            if answer is not None:
                yield impl.plugin_name, answer

    async def before(self, hook: str, **given: Any) -> None:
        """Call every plugin in the open transaction; the first exception stops the write."""
        for impl in self.implementations(hook):
            await impl.function(*(given[name] for name in impl.argnames))
