"""What the contract suite is parametrised by: everything that the plugins of this run declare."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from core.model.entities import Declaration
from core.registry.hooks import Hooks
from core.registry.loader import load
from core.registry.registry import Plugin, Registry
from core.testing.kit import PACKAGES, PLUGINS

ROOT = Path(__file__).parents[2]
LOADED = load(PLUGINS, PACKAGES)
REGISTRY: Registry = LOADED.registry
HOOKS: Hooks = LOADED.hooks
# The kernel is not a plugin: it has no manifest file and no README of its own.
BROUGHT: dict[str, Plugin] = {n: p for n, p in REGISTRY.plugins.items() if n != "core"}
# Others are installed beside the tree, or the tests' own.
SHIPPED = {n: p for n, p in BROUGHT.items() if p.package.startswith("plugins.")}
ENTITIES: tuple[Declaration, ...] = tuple(REGISTRY.entities.values())
# Entities that have generated routes at all.
SERVED = tuple(entity for entity in ENTITIES if entity.verbs)
# A test over all entities is as many tests, so that workers share them.
SHARES = 4
Subject = TypeVar("Subject")


def shared(subjects: Sequence[Subject]) -> list[tuple[Subject, ...]]:
    """Return the subjects in ``SHARES`` lists, for tests that prepare much and ask little."""
    return [tuple(subjects[number::SHARES]) for number in range(SHARES)]


def named(subject: object) -> str:
    """Return how a parameter is called in the name of a test."""
    return str(getattr(subject, "name", subject))
