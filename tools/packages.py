"""The kernel's packages: their layers, sizes and imports; ``python -m tools.packages`` prints them.

The table of ``docs/architecture.md`` is made here, so that it and the test of the layers agree.
"""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

from core.registry.import_rules import imported

ROOT = Path(__file__).parents[1]
KERNEL = ROOT / "core"
PAGE = ROOT / "docs" / "architecture.md"
# From the ground up. A package imports those of lower layers; within a layer, nobody imports back.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("model",),
    ("registry", "criteria", "config"),
    ("postgres",),
    ("schema",),
    ("database",),
    ("access",),
    ("runtime",),
    ("tenancy", "auth", "search"),
    ("records",),
    ("audit",),
    ("rest",),
    ("admin",),
    ("server",),
    ("plugin",),
    ("cli", "testing"),
)
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# The lowest layer that knows HTTP.
HTTP = RANKS["rest"]
BEGIN, END = "<!-- packages: begin -->", "<!-- packages: end -->"
_NO_CODE = frozenset(
    (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    )
)


def module_name(path: Path, root: Path = ROOT) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def modules() -> dict[str, Path]:
    """Return the kernel's modules by their dotted names."""
    return {module_name(path): path for path in sorted(KERNEL.rglob("*.py"))}


def imports(known: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield (importer, imported) for each import of one kernel module by another."""
    for name, path in known.items():
        for _, target in imported(path):
            while target not in known and "." in target:
                target = target.rpartition(".")[0]
            if target in known and target not in ("core", name):
                yield name, target


def package_of(module: str) -> str:
    """Return the package of the kernel that a module is in; ``""`` for ``core`` itself."""
    return module.partition(".")[2].partition(".")[0]


def package_imports(known: dict[str, Path]) -> set[tuple[str, str]]:
    """Return which package imports which."""
    pairs = {(package_of(a), package_of(b)) for a, b in imports(known)}
    return {(a, b) for a, b in pairs if a and a != b}


def code_lines(source: str) -> int:
    """Return how many lines hold code: neither blank, nor a comment, nor a docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def package_sizes(known: dict[str, Path]) -> dict[str, int]:
    """Return the code lines of each package, in the order of the layers."""
    sizes = {name: 0 for names in LAYERS for name in names}
    for name, path in known.items():
        if package_of(name):
            sizes[package_of(name)] += code_lines(path.read_text("utf-8"))
    return sizes


def purpose(package: str) -> str:
    """Return the sentence with which a package says what it is there for."""
    path = KERNEL / package / "__init__.py"
    source = (path if path.exists() else KERNEL / f"{package}.py").read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def table() -> str:
    """Return the table of the packages, from the ground up, as Markdown."""
    known = modules()
    sizes = package_sizes(known)
    arrows = package_imports(known)
    lines = [
        "| layer | package | code lines | what it is there for | imports |",
        "|---|---|---|---|---|",
    ]
    for rank, names in enumerate(LAYERS, 1):
        for name in names:
            below = sorted((b for a, b in arrows if a == name), key=lambda b: (RANKS[b], b))
            lines.append(
                f"| {rank} | `{name}` | {sizes[name]} | {purpose(name)} | {', '.join(below)} |"
            )
    lines.append(f"| | all | {sum(sizes.values())} | | |")
    return "\n".join(lines)


def documented_sizes() -> dict[str, int]:
    """Return the code lines of each package as ``docs/architecture.md`` has them."""
    rows = (line.split("|") for line in PAGE.read_text("utf-8").splitlines())
    return {row[2].strip(" `"): int(row[3]) for row in rows if len(row) > 4 and "`" in row[2]}


def main() -> None:
    """Bring the table of ``docs/architecture.md`` up to date."""
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
