"""Every hook: documented, known, called the right way and used by a plugin of this run."""

import inspect
from types import ModuleType

from pluggy._hooks import HookImpl

from core.registry import hookspecs
from tests.contract.subjects import HOOKS

SPECS = {name: spec for name, spec in vars(hookspecs).items() if getattr(spec, "crm_spec", None)}
IMPLEMENTED: list[HookImpl] = [i for name in SPECS for i in HOOKS.implementations(name)]


def _title(impl: HookImpl) -> str:
    return f"{impl.plugin_name}.{impl.function.__name__}"


def test_no_hook_is_pending() -> None:
    HOOKS.check()


def test_every_hook_is_documented() -> None:
    docs = {name: (inspect.getdoc(spec) or "").strip() for name, spec in SPECS.items()}
    assert [name for name, doc in docs.items() if not doc.endswith(".")] == []


def test_names_say_when_hooks_are_called() -> None:
    first_words = {name: name.partition("_")[0] for name in SPECS}
    known = ("register", "visible", "before", "on")
    assert [name for name, first in first_words.items() if first not in known] == []


def test_only_hooks_inside_a_transaction_may_wait() -> None:
    waiting = {name for name, spec in SPECS.items() if inspect.iscoroutinefunction(spec)}
    assert waiting == {name for name in SPECS if name.startswith(("before_", "on_"))}


def test_every_hook_is_used_by_a_plugin() -> None:
    assert [name for name in SPECS if not HOOKS.implementations(name)] == []


def test_implementations_have_the_colour_and_the_names_of_their_specification() -> None:
    assert [_title(impl) for impl in IMPLEMENTED if not _fits_its_specification(impl)] == []


def _fits_its_specification(impl: HookImpl) -> bool:
    spec = SPECS[impl.opts["specname"] or impl.function.__name__]
    same_colour = inspect.iscoroutinefunction(impl.function) == inspect.iscoroutinefunction(spec)
    known = set(impl.argnames) <= set(inspect.signature(spec).parameters)
    return same_colour and known and impl.kwargnames == ()


def test_hooks_lie_in_the_file_of_hooks() -> None:
    elsewhere = [
        _title(impl)
        for impl in IMPLEMENTED
        if not isinstance(impl.plugin, ModuleType)
        or impl.function.__module__ != impl.plugin.__name__
        or not impl.plugin.__name__.endswith(".hooks")
    ]
    assert elsewhere == []
