"""Every hook: documented, known, called the right way and used by a plugin of this run."""

import inspect
from types import ModuleType

import pytest
from pluggy._hooks import HookImpl

from core.registry import hookspecs
from tests.contract.subjects import HOOKS

SPECS = {name: spec for name, spec in vars(hookspecs).items() if getattr(spec, "crm_spec", None)}
IMPLEMENTED: list[HookImpl] = [i for name in SPECS for i in HOOKS.implementations(name)]


def _title(impl: HookImpl) -> str:
    return f"{impl.plugin_name}.{impl.function.__name__}"


def test_no_hook_is_pending() -> None:
    HOOKS.check()


@pytest.mark.parametrize("name", SPECS)
def test_hook_is_documented(name: str) -> None:
    doc = inspect.getdoc(SPECS[name]) or ""
    assert doc.strip().endswith(".")


@pytest.mark.parametrize("name", SPECS)
def test_name_says_when_it_is_called(name: str) -> None:
    first = name.partition("_")[0]
    assert first in ("register", "visible", "before", "on")
    # Only hooks inside a transaction may wait for something.
    assert inspect.iscoroutinefunction(SPECS[name]) == (first in ("before", "on"))


@pytest.mark.parametrize("name", SPECS)
def test_hook_is_used_by_a_plugin(name: str) -> None:
    assert HOOKS.implementations(name) != []


@pytest.mark.parametrize("impl", IMPLEMENTED, ids=_title)
def test_implementation_has_the_colour_and_the_names_of_its_specification(impl: HookImpl) -> None:
    spec = SPECS[impl.opts["specname"] or impl.function.__name__]
    assert inspect.iscoroutinefunction(impl.function) == inspect.iscoroutinefunction(spec)
    assert set(impl.argnames) <= set(inspect.signature(spec).parameters)
    assert impl.kwargnames == ()


@pytest.mark.parametrize("impl", IMPLEMENTED, ids=_title)
def test_hooks_lie_in_the_file_of_hooks(impl: HookImpl) -> None:
    module = impl.plugin
    assert isinstance(module, ModuleType)
    assert impl.function.__module__ == module.__name__
    assert module.__name__.endswith(".hooks")
