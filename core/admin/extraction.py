"""Finds the words that people see and brings the catalogues up to date.

``python -m core.admin.extraction`` adds what is missing to every ``.po`` file, untranslated.
"""

import ast
import io
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from core.admin.i18n import read_catalogue
from core.admin.wording import purpose

ROOT = Path(__file__).parent.parent.parent
KERNEL = Path(__file__).parent
LANGUAGES = ("ar", "id")
# In Python a text is marked by the call that translates it.
# Declarations whose label, plural and help people read; and those named by their second argument.
DECLARE = frozenset(
    (
        "entity",
        "field",
        "link",
        "user_link",
        "choice",
        "money",
        "currency",
        "computed",
        "Action",
        "Aggregate",
        "NamedFilter",
        "Tab",
        "Card",
        "Screen",
    )
)
NAMED = frozenset(("Choice", "Role", "Dictionary"))
UNSEEN = frozenset(("tests", "migrations"))
CALLS = ("translate", "say", "_")
EXTENSIONS = ("jinja2.ext.i18n", "jinja2.ext.do")
# Lines of the header that tell nothing and change with every run.
NOISE = tuple(
    f'"{name}' for name in ("Report-Msgid", "Last-Tr", "Language-T", "Generated", "POT-", "PO-Rev")
)
Message = str | tuple[str, str]


def _templates(folder: Path) -> Iterator[Message]:
    environment = Environment(extensions=EXTENSIONS)  # noqa: S701  # templates are only parsed
    for path in sorted(folder.rglob("*.html")):
        tree = environment.parse(path.read_text("utf-8"))
        for _line, function, message in extract_from_ast(tree, babel_style=False):
            texts = [text for text in message or () if text is not None]
            yield (texts[0], texts[1]) if function == "ngettext" else texts[0]


def _calls(folder: Path) -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(folder.rglob("*.py")):
        if UNSEEN.isdisjoint(path.relative_to(folder).parts):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def _texts(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value


def _python(folder: Path) -> Iterator[Message]:
    """Yield the texts in calls such as ``page.translate("…")``, plurals in pairs."""
    for name, call in _calls(folder):
        if name in CALLS:
            yield from _texts(call.args[:1])
        elif name == "ngettext" and len(texts := list(_texts(call.args[:2]))) == 2:
            yield texts[0], texts[1]


def _declared(folder: Path) -> Iterator[Message]:
    """Yield what a plugin's declarations are called: entities, fields, actions, choices, roles."""
    for name, call in _calls(folder):
        if name in DECLARE:
            yield from _texts(
                k.value for k in call.keywords if k.arg in ("label", "plural", "help", "text")
            )
        if name in NAMED:
            yield from _texts(call.args[1:2])
    yield from _purposes(folder)
    manifest = folder / "plugin.toml"
    if manifest.exists():
        found = tomllib.loads(manifest.read_text("utf-8"))
        yield from (found["title"], found["summary"])


def _purposes(folder: Path) -> Iterator[str]:
    """Yield what a plugin's entities are: the first sentence of each docstring."""
    for path in sorted(folder.rglob("*.py")):
        if UNSEEN.isdisjoint(path.relative_to(folder).parts):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and _is_entity(node):
                    yield purpose(ast.get_docstring(node) or "")


def _is_entity(node: ast.ClassDef) -> bool:
    calls = (d.func for d in node.decorator_list if isinstance(d, ast.Call))
    return any(getattr(call, "id", "") == "entity" for call in calls)


def kernel_messages(root: Path = ROOT) -> list[Message]:
    """Return what the kernel's pages and the themes say."""
    found = [*_templates(KERNEL / "templates"), *_python(KERNEL)]
    for part in ("auth", "audit", "tenancy"):
        found += _declared(KERNEL.parent / part)
    found += _declared(KERNEL)
    for theme in sorted((root / "themes").glob("*/templates")):
        found += _templates(theme)
    return list(dict.fromkeys(found))


def plugin_messages(folder: Path) -> list[Message]:
    """Return what a plugin's own templates and declarations say."""
    return list(
        dict.fromkeys((*_templates(folder / "templates"), *_python(folder), *_declared(folder)))
    )


def missing(messages: list[Message], catalogue: Catalog) -> list[str]:
    """Return the messages that a catalogue does not translate, or not in every plural form."""
    lacking = []
    for message in messages:
        single = message if isinstance(message, str) else message[0]
        entry = catalogue.get(single)
        texts = entry.string if entry is not None else ""
        forms = texts if isinstance(texts, (tuple, list)) else (texts,)
        wanted = 1 if isinstance(message, str) else catalogue.num_plurals
        if len(forms) != wanted or not all(forms):
            lacking.append(single)
    return lacking


def write(catalogue: Catalog, path: Path) -> None:
    """Write a catalogue so that it differs only where its words do."""
    catalogue.header_comment = "# See core/admin/extraction.py."
    text = io.BytesIO()
    write_po(text, catalogue, width=96, sort_output=True, no_location=True)
    lines = text.getvalue().decode().splitlines(keepends=True)
    path.write_text("".join(x for x in lines if not x.startswith(NOISE)), "utf-8")


def bring_up_to_date(messages: list[Message], folder: Path) -> dict[str, list[str]]:
    """Write the catalogues of ``folder`` with every message, and return what each lacks."""
    lacking = {}
    folder.mkdir(exist_ok=True)
    for language in LANGUAGES:
        path = folder / f"{language}.po"
        old = read_catalogue(path) if path.exists() else Catalog(language)
        new = Catalog(language, project="Trellis", version="1", fuzzy=False)
        for message in messages:
            entry = old.get(message if isinstance(message, str) else message[0])
            new.add(message, entry.string if entry is not None else None)
        write(new, path)
        lacking[language] = missing(messages, new)
    return lacking


if __name__ == "__main__":
    bring_up_to_date(kernel_messages(), KERNEL / "locale")
    for manifest in sorted((ROOT / "plugins").glob("*/plugin.toml")):
        bring_up_to_date(plugin_messages(manifest.parent), manifest.parent / "locale")
