"""Themes and brands are readable in both modes; templates keep the house rules."""

import re
from pathlib import Path

import pytest

from core.admin.look.brand import Branding, check_branding, stylesheet
from core.admin.look.environment import Renderer
from core.admin.look.hx import hx
from core.admin.look.themes import Theme, contrast, read_themes
from core.errors import Invalid, StartRefused

ROOT = Path(__file__).parents[2]
THEMES = read_themes([ROOT / "themes"])
# Text on its ground (WCAG 1.4.3), and what a control or a line is known by (1.4.11).
TONES = ("success", "warning", "danger", "info", "neutral", "platinum", "gold", "silver", "bronze")
TEXT = [
    ("foreground", "background"),
    ("foreground", "card"),
    ("foreground", "muted"),
    ("card-foreground", "card"),
    ("popover-foreground", "popover"),
    ("primary-foreground", "primary"),
    ("primary", "background"),
    ("primary", "card"),
    ("primary", "muted"),
    ("secondary-foreground", "secondary"),
    ("secondary-foreground", "background"),
    ("muted-foreground", "background"),
    ("muted-foreground", "card"),
    ("muted-foreground", "muted"),
    ("muted-foreground", "popover"),
    ("accent-foreground", "accent"),
    ("background", "destructive"),
    ("danger", "card"),
    ("danger", "background"),
    ("sidebar-foreground", "sidebar"),
    ("sidebar-accent-foreground", "sidebar-accent"),
    ("sidebar-primary-foreground", "sidebar-primary"),
    *((tone, f"{tone}-surface") for tone in TONES),
    *(("foreground", f"{tone}-surface") for tone in TONES[:4]),
]
MARKS = [
    ("input", "card"),
    ("input", "background"),
    ("ring", "background"),
    ("ring", "card"),
    ("sidebar-ring", "sidebar"),
    ("sidebar-primary", "sidebar"),
    *((f"chart-{number}", "card") for number in range(1, 6)),
]


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_every_colour_of_a_shipped_theme_is_readable_on_its_ground(theme: Theme, mode: str) -> None:
    colours = getattr(theme, mode)
    low = [
        f"{ink} on {ground}: {contrast(colours[ink], colours[ground]):.2f} of {least}"
        for pairs, least in ((TEXT, 4.5), (MARKS, 3.0))
        for ink, ground in pairs
        if contrast(colours[ink], colours[ground]) < least
    ]
    assert low == []


def test_contrast_is_that_of_the_norm() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_a_theme_overrides_only_templates_that_exist() -> None:
    kernel = {p.relative_to(ROOT / "core/admin/templates") for p in _templates("core/admin")}
    for theme in THEMES:
        own = {
            p.relative_to(ROOT / "themes" / theme / "templates")
            for p in _templates(f"themes/{theme}")
        }
        assert own <= kernel


def test_child_theme_looks_in_its_parent_and_replaces_by_path(tmp_path: Path) -> None:
    for name, parent in (("one", ""), ("two", "one")):
        (tmp_path / name / "templates").mkdir(parents=True)
        (tmp_path / name / "theme.toml").write_text(f'title = "T"\nparent = "{parent}"\n')
    (tmp_path / "one/templates/a.html").write_text("one")
    (tmp_path / "one/templates/b.html").write_text("one")
    (tmp_path / "two/templates/b.html").write_text("two")
    looks = Renderer({}, [ROOT / "themes", tmp_path])
    environment = looks.environment("two", "en")
    assert environment.get_template("a.html").render() == "one"
    assert environment.get_template("b.html").render() == "two"
    assert looks.environment("gone", "en") is looks.environment("default", "en")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('title = "T"\nparent = "a"', "each other's parents"),
        ('title = "T"\nparent = "nobody"', "which is not here"),
        ('title = "T"\n[light]\nx = "#123456"', "need a light and a dark value"),
        ('title = "T"\n[light]\nx = "red"', "must be written like"),
        ('title = "T"\n[tokens]\nradius = "0; } body { display: none"', "characters that a value"),
        ('title = "T"\ncolor = "x"', "unknown field `color`"),
        ("title = ", "Invalid value"),
    ],
)
def test_wrong_theme_is_refused_at_start(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/theme.toml").write_text(text)
    with pytest.raises(StartRefused, match=problem):
        read_themes([tmp_path])


def test_theme_holds_no_python(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/theme.toml").write_text('title = "T"')
    (tmp_path / "a/x.py").write_text("")
    with pytest.raises(StartRefused, match="no Python"):
        read_themes([tmp_path])


def test_brand_colour_that_cannot_be_read_is_refused_with_its_ratio() -> None:
    with pytest.raises(Invalid) as caught:
        check_branding(Branding(primary="#ffcc00"), THEMES["default"])
    assert [e.pointer for e in caught.value.errors] == ["/primary", "/primary"]
    assert "1.45:1" in caught.value.errors[0].detail
    assert "4.5:1" in caught.value.errors[0].detail


@pytest.mark.parametrize(
    "branding",
    [
        Branding(primary="red"),
        Branding(primary="#0a0a0a;}"),
        Branding(radius="9rem"),
        Branding(radius="1rem;}"),
        Branding(font="Comic Sans"),
        Branding(logo="https://example.com/logo.png"),
        Branding(logo="data:image/svg+xml;base64,AAAA"),
        Branding(logo="data:image/png;base64,AAAA"),
        Branding(name="x" * 61),
    ],
)
def test_branding_that_is_not_what_it_should_be_is_refused(branding: Branding) -> None:
    with pytest.raises(Invalid):
        check_branding(branding, THEMES["default"])


def test_brand_changes_only_what_was_chosen() -> None:
    check_branding(Branding(primary="#1d4ed8", primary_dark="#93b4ff"), THEMES["default"])
    sheet = stylesheet(Branding(primary="#1d4ed8", radius="0.25rem"), THEMES["default"]).decode()
    assert "--primary: light-dark(#1d4ed8, #63c9a1);" in sheet
    assert "--radius: 0.25rem;" in sheet
    assert stylesheet(Branding(), THEMES["default"]) == b""


# House rules of templates: what a strict policy forbids, and what would evaluate code.
RULES = {
    "a script with a body": re.compile(
        r"<script(?![^>]*\ssrc=)[^>]*>|<script[^>]*>\s*\S+?\s*</script"
    ),
    "an on… attribute": re.compile(r"<[^>{]*\son[a-z]+\s*=", re.I),
    "a style": re.compile(r"<style|<[^>{]*\sstyle\s*=", re.I),
    "hx-on": re.compile(r"hx-on"),
    "hx-boost": re.compile(r"hx-boost"),
    "js:": re.compile(r"[\"']\s*(js|javascript):", re.I),
    "a trigger's filter": re.compile(r"trigger=(\"[^\"]*\[|'[^']*\[)"),
    "|safe": re.compile(r"\|\s*safe\b"),
}


def _templates(where: str) -> list[Path]:
    return sorted((ROOT / where / "templates").rglob("*.html"))


EVERY = [
    path
    for where in (
        "core/admin",
        *(f"themes/{theme}" for theme in THEMES),
        *(
            p.relative_to(ROOT).as_posix()
            for p in sorted((ROOT / "plugins").iterdir())
            if p.is_dir()
        ),
    )
    for path in _templates(where)
]


def broken_rules(path: Path) -> list[str]:
    """Return what a template does that the house rules forbid."""
    text = re.sub(r"{#.*?#}", "", path.read_text("utf-8"), flags=re.S)
    broken = [rule for rule, pattern in RULES.items() if pattern.search(text)]
    if path.parent.name != "macros" and re.search(r"\shx-[a-z]", text):
        broken.append("hx- outside the macros; use hx()")
    forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, flags=re.S | re.I)
    broken += ["a post without _csrf" for form in forms if 'name="_csrf"' not in form]
    return [f"{path.relative_to(ROOT).as_posix()}: {rule}" for rule in broken]


def test_templates_keep_the_house_rules() -> None:
    assert len(EVERY) > 100
    assert [line for path in EVERY for line in broken_rules(path)] == []


@pytest.mark.parametrize(
    "attributes",
    [
        {"get": "https://example.com/"},
        {"get": "//example.com/"},
        {"post": "javascript:alert(1)"},
        {"trigger": "click[alert(1)]"},
        {"vals": "js:{a: 1}"},
        {"on": "click"},
    ],
)
def test_htmx_attribute_that_evaluates_or_leaves_is_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="hx"):
        hx(**attributes)


def test_htmx_attributes_are_escaped() -> None:
    assert hx(get='/app/"><x>', push_url="true", target=None) == (
        ' hx-get="/app/&#34;&gt;&lt;x&gt;" hx-push-url="true"'
    )
