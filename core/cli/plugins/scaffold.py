"""The files of a new plugin: one small entity, its rights, its tests and its page."""

from pathlib import Path

from core.cli.plugins.scaffold_texts import (
    CONFTEST,
    CONTRACT,
    HEADINGS,
    HOOKS,
    MANIFEST,
    MODELS,
    PACKAGE,
    PAGE,
    PROJECT,
    TESTS,
    TURN_ON,
)


def singular(name: str) -> str:
    """Return a guess at one of many: the author corrects the exceptions."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def words_of(name: str, package: str | None = None) -> dict[str, str]:
    """Return what the templates need to know."""
    words = name.replace("_", " ")
    entity = singular(name)
    return {
        "name": name,
        "package": package or f"plugins.{name}",
        "distribution": (package or name).replace("_", "-"),
        "words": words,
        "title": words.capitalize(),
        "label": entity.replace("_", " ").capitalize(),
        "cls": "".join(part.capitalize() for part in entity.split("_")),
        "entity": entity,
        "resource": name.replace("_", "-"),
    }


def write_plugin(folder: Path, name: str, package: str | None = None) -> None:
    """Write the files of a plugin but for its migration, which follows from the declaration."""
    words = words_of(name, package)
    files = {
        "plugin.toml": MANIFEST,
        "__init__.py": PACKAGE,
        "models.py": MODELS,
        "hooks.py": HOOKS,
        f"tests/test_{name}.py": TESTS,
        "tests/test_contract.py": CONTRACT,
    }
    (folder / "tests").mkdir(parents=True)
    (folder / "migrations").mkdir()
    _write(folder, files, words)
    page = [f"# {words['title']}"]
    texts = PAGE | {"Turn it on": TURN_ON["package" if package else "plugins"]}
    page += [f"\n## {heading}\n\n{texts[heading].format(**words)}" for heading in HEADINGS]
    (folder / "README.md").write_text("\n".join(page) + "\n")


def write_project(folder: Path, name: str, package: str) -> None:
    """Write what a plugin outside the source tree needs around it: a project of its own."""
    folder.mkdir(parents=True)
    files = {"pyproject.toml": PROJECT, "conftest.py": CONFTEST}
    _write(folder, files, words_of(name, package))


def _write(folder: Path, files: dict[str, str], words: dict[str, str]) -> None:
    for path, template in files.items():
        (folder / path).write_text(template.format(**words))
