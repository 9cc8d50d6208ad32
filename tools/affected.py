"""What a change touches: ``python -m tools.affected BASE`` prints the tests that it calls for.

One line per run of pytest: the plugins to load, and the paths. What lies under ``core``, the themes
or the migrations, or belongs to every test, calls for everything; a plugin calls for itself and for
whatever builds on it. ``python -m tools.affected --plugins NAME`` prints the plugins with which the
contract of one plugin is checked.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.registry.manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[1]
CONTRACT = "tests/contract"
# It uses every extension point, so the contract's rules about hooks always need it.
DUMMY = "dummy"
EVERYTHING = "everything"
# Pages for people; the tests of the documents read them.
DOCUMENTS = {"docs": ["tests/e2e/test_guide.py", "tests/e2e/test_rest_doc.py"]}
_NO_TESTS = ("README.md", "CHANGELOG.md", "LICENSE", ".gitignore")


def manifests() -> dict[str, Manifest]:
    """Return the manifests of the plugins in the tree, by their names."""
    paths = [*ROOT.glob("plugins/*/plugin.toml"), ROOT / "tests" / "dummy_plugin" / "plugin.toml"]
    read = [read_manifest(path) for path in sorted(paths)]
    return {manifest.name: manifest for manifest in read}


def required(names: Iterable[str], known: Mapping[str, Manifest]) -> list[str]:
    """Return plugins and all that they require, each after what it requires."""
    order: list[str] = []
    for name in names:
        for plugin in (*required(known[name].requires, known), name):
            if plugin not in order:
                order.append(plugin)
    return order


def dependent(names: Iterable[str], known: Mapping[str, Manifest]) -> set[str]:
    """Return plugins and all that require them or use them where they are there."""
    affected = set(names)
    while True:
        more = {
            name
            for name, manifest in known.items()
            if affected.intersection((*manifest.requires, *manifest.optional))
        }
        if more <= affected:
            return affected
        affected |= more


def affected(changed: Iterable[str], known: Mapping[str, Manifest]) -> tuple[set[str], set[str]]:
    """Return (plugins, paths of tests) that changed files call for.

    ``{EVERYTHING}`` as plugins: the whole suite.
    """
    plugins: set[str] = set()
    paths: set[str] = set()
    for name in changed:
        top, _, rest = name.partition("/")
        if top == "plugins" and "/" in rest:
            plugins.add(rest.partition("/")[0])
        elif name.startswith("tests/dummy_plugin/"):
            plugins.add(DUMMY)
        elif top in DOCUMENTS:
            paths.update(DOCUMENTS[top])
        elif top == "tests" and Path(name).name.startswith("test_"):
            paths.add(name)
        elif name not in _NO_TESTS:
            return {EVERYTHING}, set()
    return dependent(plugins & known.keys(), known), {p for p in paths if (ROOT / p).exists()}


def runs(changed: Iterable[str]) -> list[str]:
    """Return the lines to run, each a command of the shell."""
    known = manifests()
    plugins, paths = affected(changed, known)
    if plugins == {EVERYTHING}:
        return ["make test-all"]
    lines = [f"pytest {' '.join(sorted(paths))}"] if paths else []
    if plugins:
        names = ",".join(required([*sorted(plugins), DUMMY], known))
        folders = [f"plugins/{name}/tests" for name in sorted(plugins - {DUMMY})]
        lines.append(f"CRM_TEST_PLUGINS={names} pytest {' '.join((CONTRACT, *folders))}")
    return lines


def changed_files(base: str) -> list[str]:
    """Return the files that differ from a commit, those that are not added yet included."""
    commands = (
        ("git", "diff", "--name-only", base),
        ("git", "ls-files", "--others", "--exclude-standard"),
    )
    outputs = [
        subprocess.run(  # noqa: S603 -- fixed words and the developer's own commit, no shell
            command, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        for command in commands
    ]
    return sorted({line for output in outputs for line in output.splitlines()})


def main(arguments: list[str]) -> None:
    """Print what was asked for on the command line."""
    if arguments[:1] == ["--plugins"]:
        known = manifests()
        sys.stdout.write(",".join(required([*arguments[1:], DUMMY], known)) + "\n")
    else:
        sys.stdout.write("\n".join(runs(changed_files(arguments[0]))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
