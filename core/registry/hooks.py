"""The only caller of pluggy: a tenant's hooks are those of the plugins that it has enabled."""

import asyncio
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from types import ModuleType
from typing import Any

import pluggy
import structlog
from pluggy._hooks import HookImpl

from core.errors import Refused, StartRefused, Unavailable
from core.registry import hookspecs

log = structlog.get_logger("crm.hooks")

# How long one plugin may hold up a write.
SECONDS = 5.0


class Hooks:
    """All implementations, in dependency order; ``for_plugins`` narrows them to a tenant's."""

    def __init__(self, order: Mapping[str, int], silent: frozenset[str] = frozenset()) -> None:
        self._manager = pluggy.PluginManager("crm")
        self._manager.add_hookspecs(hookspecs)
        self._order = order
        self._passes: Callable[[Exception], bool] = lambda error: False
        self._silent = silent
        self._watching: dict[tuple[str, str, str], list[HookImpl]] = {}

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
        for plugin, module in self._manager.list_name_plugin():
            for caller in self._manager.get_hookcallers(module) or ():
                self._check_colour(plugin, caller)

    def _check_colour(self, plugin: str, caller: pluggy.HookCaller) -> None:
        expected = inspect.iscoroutinefunction(getattr(hookspecs, caller.name))
        for impl in caller.get_hookimpls():
            if impl.plugin_name == plugin and expected != inspect.iscoroutinefunction(
                impl.function
            ):
                word = "async def" if expected else "plain def"
                raise StartRefused(f"plugin {plugin!r}: {caller.name} must be {word}")

    def for_plugins(self, enabled: Collection[str], passes: Callable[[Exception], bool]) -> "Hooks":
        """Return the hooks of a tenant: a plugin that it has not enabled stays silent.

        An exception that ``passes`` accepts leaves a hook as it is: its caller can explain it.
        """
        narrowed = Hooks.__new__(Hooks)
        narrowed._manager = self._manager
        narrowed._order = self._order
        narrowed._passes = passes
        narrowed._watching = {}
        narrowed._silent = frozenset(n for n, _ in self._manager.list_name_plugin()) - set(enabled)
        return narrowed

    def implementations(self, hook: str) -> list[HookImpl]:
        """Return the implementations of ``hook`` that are not silent, in dependency order."""
        caller = getattr(self._manager.hook, hook)
        found = [i for i in caller.get_hookimpls() if i.plugin_name not in self._silent]
        return sorted(found, key=lambda impl: self._order[impl.plugin_name])

    def watching(self, hook: str, entity: str, verb: str) -> list[HookImpl]:
        """Return the implementations that concern a write; found once per entity and verb."""
        key = (hook, entity, verb)
        found = self._watching.get(key)
        if found is None:
            every = self.implementations(hook)
            found = self._watching[key] = [i for i in every if _concerned(i, entity, verb)]
        return found

    def ask(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Yield (plugin, answer) of each plugin that has one; an exception is never an answer."""
        for impl in self.implementations(hook):
            try:
                answer = impl.function(*(arguments[name] for name in impl.argnames))
            except (Refused, StartRefused):
                raise
            except Exception as error:
                if hook.startswith("register_"):
                    raise StartRefused(
                        f"plugin {impl.plugin_name!r}: {hook} failed: {error!r}"
                    ) from error
                raise _failed(impl, hook) from error
            if answer is not None:
                yield impl.plugin_name, answer

    async def before(self, hook: str, change: Any, **arguments: Any) -> None:
        """Call each plugin whose hook applies to the change; the first exception stops the write.

        It fails closed: a plugin that raises anything but a refusal, or takes too long, stops the
        write too, and the caller learns only that a retry may help.
        """
        arguments["change"] = change
        for impl in self.watching(hook, change.entity, change.verb):
            try:
                async with asyncio.timeout(SECONDS):
                    work: Any = impl.function(*(arguments[name] for name in impl.argnames))
                    await work
            except Refused:
                raise
            except Exception as error:
                if self._passes(error):
                    raise
                raise _failed(impl, hook) from error


def _concerned(impl: HookImpl, entity: str, verb: str) -> bool:
    expected, verbs = getattr(impl.function, "applies_to", (entity, ()))
    return bool(expected == entity and (not verbs or verb in verbs))


def _failed(impl: HookImpl, hook: str) -> Unavailable:
    """Log the exception under the plugin's name; return what the caller is told."""
    log.exception("plugin_failed", plugin=impl.plugin_name, hook=hook)
    return Unavailable("A part of the server failed; try again later.", code="plugin_failed")
