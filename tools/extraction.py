"""Finds the words that people see and brings the catalogues up to date.

``python -m tools.extraction`` adds what is missing to every ``.po`` file, untranslated.
"""

import ast
import io
import tomllib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from core.admin.forms.struct_controls import label_of
from core.admin.words.i18n import read_catalogue
from core.admin.words.wording import first_sentence
from core.model.standard_fields import STANDARD
from core.model.types import named

ROOT = Path(__file__).parents[1]
KERNEL = ROOT / "core" / "admin"
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
VISIBLE_TEXTS = ("label", "plural", "help", "text", "row_label", "submit", "success_message")
NAMED = frozenset(("Choice", "Role", "Dictionary"))
UNSEEN = frozenset(("tests", "migrations"))
CALLS = ("translate", "say", "_")
# Refusals, by the place of the sentence in the call; some stand in a name of their own before.
REFUSE = {"Rejected": 0, "Conflict": 0, "Invalid": 0, "Forbidden": 0, "FieldError": 1}
REFUSE |= {"ValueError": 0}  # the rule of a struct or of a field
OF_FIELDS = (("Invalid", "field"), ("Conflict", "over"))
SENTENCES = ("detail", "message")
# What the kernel refuses in forms; what only programs can ask for is not translated.
KERNEL_RULES = (
    *(
        "auth/users/rules.py",
        "auth/sign_in/passwords.py",
        "auth/sign_in/changes.py",
        "auth/tokens/api_keys.py",
    ),
    *("tenancy/edits.py", "model/parsing.py", "model/conversion.py", "errors.py"),
    *(
        "records/changes/input_validation.py",
        "records/changes/links.py",
        "records/changes/single.py",
        "records/changes/trash.py",
        "records/changes/bulk.py",
    ),
)
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


def _nodes(folder: Path) -> Iterator[ast.AST]:
    """Yield all that the code in a folder is made of."""
    for path in sorted(folder.rglob("*.py")):
        if UNSEEN.isdisjoint(path.relative_to(folder).parts):
            yield from ast.walk(ast.parse(path.read_text("utf-8")))


def _calls(folder: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in _nodes(folder):
        if isinstance(node, ast.Call):
            yield _name(node), node


def _name(call: ast.Call) -> str:
    """Return what is called, without what it belongs to."""
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


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
            yield from _texts(k.value for k in call.keywords if k.arg in VISIBLE_TEXTS)
        if name in NAMED:
            yield from _texts(call.args[1:2])
    yield from _purposes(folder)
    yield from _codes(folder)
    manifest = folder / "plugin.toml"
    if manifest.exists():
        found = tomllib.loads(manifest.read_text("utf-8"))
        yield from (found["title"], found["summary"])


def _purposes(folder: Path) -> Iterator[str]:
    """Yield what a plugin's entities are: the first sentence of each docstring."""
    for node in _nodes(folder):
        if isinstance(node, ast.ClassDef) and _is_entity(node):
            yield first_sentence(ast.get_docstring(node) or "")


def _codes(folder: Path) -> Iterator[str]:
    """Yield what the codes of a plugin's enums are called."""
    for node in _nodes(folder):
        if isinstance(node, ast.ClassDef) and any(
            getattr(base, "id", "") == "StrEnum" for base in node.bases
        ):
            values = [line.value for line in node.body if isinstance(line, ast.Assign)]
            yield from (named(code) for code in _texts(values))


def _is_entity(node: ast.ClassDef) -> bool:
    return any(isinstance(d, ast.Call) and _name(d) == "entity" for d in node.decorator_list)


def _sentence(node: ast.expr) -> Iterator[Message]:
    """Yield a refusal's sentence, with a number in braces for each value in it."""
    if isinstance(node, ast.JoinedStr):
        number = count(1)
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{next(number)}}}"
            for part in node.values
        )
    else:
        yield from _texts([node])


def _refused(call: ast.Call) -> Iterator[Message]:
    """Yield what a call says that makes a refusal; not of parameters, which programs alone send."""
    name, owner = _name(call), getattr(getattr(call.func, "value", None), "id", "")
    place = 1 if (owner, name) in OF_FIELDS else REFUSE.get(name)
    if place is None or len(call.args) <= place:
        return
    if place == 0 or not str(getattr(call.args[0], "value", "")).startswith("?"):
        yield from _sentence(call.args[place])


def refusals(nodes: Iterable[ast.AST]) -> Iterator[Message]:
    """Yield what code says when it refuses."""
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from _refused(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in SENTENCES:
                yield from _sentence(node.value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [getattr(one, "id", "") for one in node.targets[0].elts]
            if "detail" in names and isinstance(node.value, ast.Tuple):
                yield from _sentence(node.value.elts[names.index("detail")])


def _forms(folder: Path) -> Iterator[Message]:
    """Yield what the fields of structs are called that people fill in: settings, actions."""
    wanted = {"Settings"}
    for name, call in _calls(folder):
        if name == "Action" and not any(k.arg == "method" for k in call.keywords):
            wanted |= {getattr(k.value, "id", "") for k in call.keywords if k.arg == "values"}
    for node in _nodes(folder):
        if isinstance(node, ast.ClassDef) and node.name in wanted:
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield label_of(line.target.id)
                    yield from _choices(line.annotation)


def _choices(annotation: ast.expr) -> Iterator[Message]:
    """Yield what the choices are called that a ``Literal`` has."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "Literal":
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            yield from (label_of(text) for text in _texts(parts))


def kernel_messages(root: Path = ROOT) -> list[Message]:
    """Return what the kernel's pages and the themes say."""
    found = [*_templates(KERNEL / "templates"), *_python(KERNEL)]
    for part in ("auth", "audit", "tenancy"):
        found += _declared(KERNEL.parent / part)
    found += _declared(KERNEL)
    found += [field.label for field in STANDARD.values()]
    for name in KERNEL_RULES:
        found += refusals(ast.walk(ast.parse((KERNEL.parent / name).read_text("utf-8"))))
    for theme in sorted((root / "themes").glob("*/templates")):
        found += _templates(theme)
    return list(dict.fromkeys(found))


def plugin_messages(folder: Path) -> list[Message]:
    """Return what a plugin's own templates and declarations say."""
    found = [*_templates(folder / "templates"), *_python(folder), *_declared(folder)]
    found += [*_forms(folder), *refusals(_nodes(folder))]
    return list(dict.fromkeys(found))


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
    catalogue.header_comment = "# See tools/extraction.py."
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
