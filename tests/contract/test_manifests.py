"""Every plugin: manifest valid, folder and name agree, requirements exist, no circle."""

from pathlib import Path

import pytest

from core import VERSION
from core.errors import StartRefused
from core.model.entities import snake
from core.registry.loader import check_prefixes, dependency_order
from core.registry.manifest import fits, read_manifest
from core.registry.registry import Plugin
from tests.contract.subjects import BROUGHT, ROOT, SHIPPED, named

MOST_MANIFEST_LINES = 25


@pytest.mark.parametrize("plugin", BROUGHT.values(), ids=named)
def test_manifest_says_what_the_plugin_is(plugin: Plugin) -> None:
    path = Path(plugin.path) / "plugin.toml"
    manifest = read_manifest(path)
    assert manifest == plugin.manifest
    assert manifest.name == snake(manifest.name)
    assert manifest.title.strip()
    assert manifest.summary.endswith(".")
    assert fits(manifest.kernel, VERSION)
    assert len(path.read_text().splitlines()) <= MOST_MANIFEST_LINES


@pytest.mark.parametrize("plugin", SHIPPED.values(), ids=named)
def test_folder_of_a_shipped_plugin_is_its_name(plugin: Plugin) -> None:
    assert Path(plugin.path) == ROOT / "plugins" / plugin.name
    assert (Path(plugin.path) / "tests").is_dir()


@pytest.mark.parametrize("plugin", BROUGHT.values(), ids=named)
def test_requirements_are_installed_and_load_before(plugin: Plugin) -> None:
    order = list(BROUGHT)
    wanted = (*plugin.manifest.requires, *(set(plugin.manifest.optional) & set(order)))
    assert set(plugin.manifest.requires) <= set(order)
    assert all(order.index(name) < order.index(plugin.name) for name in wanted)


def test_no_circle_also_counting_optional() -> None:
    assert dependency_order({n: p.manifest for n, p in BROUGHT.items()}) == list(BROUGHT)


def test_tables_of_two_plugins_differ_by_prefix() -> None:
    """What bears a plugin's name goes when it is purged, so no other plugin's may bear it."""
    check_prefixes(list(BROUGHT))
    with pytest.raises(StartRefused, match="begins with customers_ is 'customers''s"):
        check_prefixes(["customers", "customers_more"])


@pytest.mark.parametrize("plugin", BROUGHT.values(), ids=named)
def test_package_holds_one_docstring_and_nothing_else(plugin: Plugin) -> None:
    lines = (Path(plugin.path) / "__init__.py").read_text().strip().splitlines()
    assert len(lines) <= 3
    assert lines[0].startswith('"""')
    assert lines[-1].endswith('"""')
