"""Every plugin's README has the fixed headings, in their order, and says something under each."""

import re
from pathlib import Path

import pytest

from core.cli.plugins.scaffold_texts import HEADINGS
from core.registry.registry import Plugin
from tests.contract.subjects import REGISTRY, SHIPPED, named


def sections(plugin: Plugin) -> dict[str, str]:
    """Return the text under each heading of the second level."""
    text = (Path(plugin.path) / "README.md").read_text()
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


@pytest.mark.parametrize("plugin", SHIPPED.values(), ids=named)
def test_headings_are_there_in_order(plugin: Plugin) -> None:
    found = sections(plugin)
    assert tuple(found) == HEADINGS
    assert [heading for heading, text in found.items() if not text] == []


@pytest.mark.parametrize("plugin", SHIPPED.values(), ids=named)
def test_what_is_declared_is_named(plugin: Plugin) -> None:
    found = sections(plugin)
    for entity in REGISTRY.entities.values():
        if entity.plugin == plugin.name:
            assert f"`{entity.name}`" in found["Entities"]
    for grant in REGISTRY.grants:
        if grant.plugin == plugin.name:
            assert grant.role in found["Permissions"]
    if plugin.settings is not None:
        for name in plugin.settings.__struct_fields__:
            assert f"`{name}`" in found["Settings"]
    assert "crm plugin remove" in found["Removal"]
