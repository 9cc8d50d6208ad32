"""The kernel's layers: an import never points up, and no two packages import each other."""

from collections import defaultdict
from pathlib import Path

from core.registry.import_rules import imported
from tools.packages import (
    HTTP,
    LAYERS,
    RANKS,
    documented_sizes,
    imports,
    module_name,
    modules,
    package_imports,
    package_of,
    package_sizes,
    purpose,
)

MODULES = modules()
MAX_MODULES = 12
# How much a package may grow before its new size is written down with the reason for it.
GROWTH = 1.1


def test_every_package_has_a_layer() -> None:
    assert {package_of(name) for name in MODULES if package_of(name)} == set(RANKS)
    assert len(RANKS) == sum(len(names) for names in LAYERS)


def test_imports_never_point_up() -> None:
    upward = [
        f"{a} imports {b}"
        for a, b in imports(MODULES)
        if package_of(a) and RANKS[package_of(b)] > RANKS[package_of(a)]
    ]
    assert upward == []


def test_no_two_packages_import_each_other() -> None:
    arrows = package_imports(MODULES)
    assert [pair for pair in sorted(arrows) if pair[::-1] in arrows] == []


def test_no_two_sub_packages_import_each_other() -> None:
    """Siblings within a package follow the same rule as the packages themselves."""
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    arrows: dict[tuple[str, str], str] = {}
    for a, b in imports(MODULES):
        first, second = a.split("."), b.split(".")
        depth = next(
            (i for i, (x, y) in enumerate(zip(first, second, strict=False)) if x != y), None
        )
        if depth is not None and depth > 1:
            pair = ".".join(first[: depth + 1]), ".".join(second[: depth + 1])
            if packages.issuperset(pair):
                arrows[pair] = f"{a} imports {b}"
    assert [arrows[pair] for pair in arrows if pair[::-1] in arrows] == []


def test_modules_import_in_one_direction() -> None:
    """A cycle that works today breaks with the next import that is added to it."""
    below = defaultdict(set)
    for a, b in imports(MODULES):
        below[a].add(b)
    done: set[str] = set()
    cycles: list[str] = []

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            cycles.append(" -> ".join((*path[path.index(module) :], module)))
        elif module not in done:
            for target in below[module]:
                visit(target, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())
    assert cycles == []


def test_only_the_upper_layers_know_http() -> None:
    """Services can be called by jobs and commands, which have no request."""
    rules = {"hookspecs"}  # names the type of a controller that plugins bring
    knowing = [
        name
        for name, path in MODULES.items()
        if package_of(name)
        and RANKS[package_of(name)] < HTTP
        and name.rpartition(".")[2] not in rules
        and any(target.split(".")[0] == "litestar" for _, target in imported(path))
    ]
    assert knowing == []


def test_a_package_has_at_most_a_dozen_modules() -> None:
    counts: dict[str, int] = defaultdict(int)
    for name, path in MODULES.items():
        if path.name != "__init__.py":
            counts[name.rpartition(".")[0]] += 1
    assert {name: n for name, n in counts.items() if n > MAX_MODULES} == {}


def test_each_package_says_what_it_is_there_for() -> None:
    assert [name for name in RANKS if not purpose(name).endswith(".")] == []


def test_no_package_grows_unnoticed() -> None:
    """``python -m tools.packages`` writes the new sizes; the commit says why they grew."""
    known = documented_sizes()
    sizes = package_sizes(MODULES)
    assert set(known) == set(sizes)
    assert {n: (known[n], size) for n, size in sizes.items() if size > known[n] * GROWTH} == {}


def test_a_cycle_and_an_upward_import_are_noticed(tmp_path: Path) -> None:
    for name, source in (("core/a.py", "from core import b"), ("core/b.py", "import core.a")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    known = {module_name(p, tmp_path): p for p in sorted((tmp_path / "core").glob("*.py"))}
    assert set(imports(known)) == {("core.a", "core.b"), ("core.b", "core.a")}
    assert package_imports(known) == {("a", "b"), ("b", "a")}
