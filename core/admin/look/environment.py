"""The renderer of all pages: one Jinja environment per theme and language, made once.

Templates are looked for in the theme and its parents, then in the plugins, then in the kernel.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from core.admin.look.assets import STATIC, Assets, merge_layers, read_folder, read_plugin
from core.admin.look.brand import Brand, Brands
from core.admin.look.hx import hx
from core.admin.look.themes import DEFAULT, OWN, Theme, read_themes, stylesheet
from core.admin.words.i18n import Formats, Words, direction_of
from core.errors import StartRefused

KERNEL = Path(__file__).parents[1]
SHIPPED = KERNEL.parent.parent / "themes"
SPRITE = "vendor/lucide.svg"
# Parts of the frame are the same for everybody with the same places in the same language.
FRAMES = 512
# These point along the line of writing; they are turned round where it runs from right to left.
DIRECTED = frozenset(
    f"{name}-{side}"
    for name in ("arrow", "chevron", "chevrons", "panel", "corner-down", "undo-2", "log")
    for side in ("left", "right", "in", "out")
) | {"undo-2", "list-checks", "send", "external-link", "redo-2"}


class Renderer:
    """Themes, words, static files and the environments over them; frozen after the start."""

    def __init__(
        self,
        plugins: Mapping[str, Path],
        theme_folders: Iterable[Path] = (SHIPPED,),
        *,
        reload: bool = False,
    ) -> None:
        self.plugins = dict(plugins)
        self.reload = reload
        self.themes = read_themes(theme_folders)
        if DEFAULT not in self.themes:
            raise StartRefused(f"no theme {DEFAULT!r} in the themes folder")
        self.words = Words(path / "locale" for path in self.plugins.values())
        self.brands = Brands()
        self.assets = Assets()
        self._kernel = read_folder(STATIC)
        icons = re.findall(r'<symbol id="([^"]+)"', self._kernel[SPRITE].decode())
        self.icons = frozenset(icons)
        layers = [self._kernel, *(read_plugin(n, p) for n, p in self.plugins.items())]
        self._addresses = {n: self._address(t, layers) for n, t in self.themes.items()}
        self._environments: dict[tuple[str, str], Environment] = {}

    def _address(self, theme: Theme, layers: list[dict[str, bytes]]) -> dict[str, str]:
        own = [read_folder(folder / "static") for folder in reversed(theme.folders)]
        for files in own:
            files.pop(OWN, None)
        made = {f"theme-{theme.name}.css": stylesheet(theme)}
        return self.assets.add(merge_layers([*layers, *own, made]))

    def theme_of(self, name: str) -> str:
        """Return the theme that a tenant or a person wants, or the default if it has gone."""
        return name if name in self.themes else DEFAULT

    def asset(self, theme: str, name: str) -> str:
        """Return the address of a static file in a theme."""
        return self._addresses[theme][name]

    def environment(self, theme: str, locale: str) -> Environment:
        """Return the environment of a theme in the language of a locale."""
        place = (self.theme_of(theme), self.words.language_of(locale))
        found = self._environments.get(place)
        if found is None:
            found = self._environments[place] = self._make(*place)
        return found

    def _loader(self, theme: Theme) -> BaseLoader:
        folders = [
            *(folder / "templates" for folder in theme.folders),
            *(path / "templates" for path in self.plugins.values()),
            KERNEL / "templates",
        ]
        return ChoiceLoader([FileSystemLoader(folder) for folder in folders])

    def _make(self, theme: str, language: str) -> Environment:
        environment = Environment(
            loader=self._loader(self.themes[theme]),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=self.reload,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        )
        words, addresses = self.words.of(language), self._addresses[theme]

        def asset(name: str) -> str:
            return addresses[name]

        @lru_cache(maxsize=2048)
        def icon(name: str, label: str = "", size: str = "") -> Markup:
            if name not in self.icons:
                raise LookupError(f"no icon {name!r} in the sprite; see vendor.lock")
            return draw(f"{addresses[SPRITE]}#{name}", name, label, size)

        @lru_cache(maxsize=0 if self.reload else FRAMES)
        def frame(part: str, nav: tuple[Any, ...], name: str, logo: str) -> Markup:
            brand = Brand(name=name, logo=logo)
            drawn = environment.get_template(part).render(nav=nav, brand=brand)
            return Markup(drawn)  # noqa: S704  # a template's own text

        environment.install_gettext_callables(  # type: ignore[attr-defined]  # from the extension
            words.gettext, words.ngettext, newstyle=True
        )
        environment.globals.update(
            asset=asset, icon=icon, hx=hx, frame=frame, say=words.gettext, theme=self.themes[theme]
        )
        environment.globals["ui"] = environment.get_template("macros/ui.html").module
        return environment

    def render(
        self, template: str, *, theme: str, locale: str, zone: ZoneInfo, **values: Any
    ) -> str:
        """Return a page or a part of one; ``fmt`` writes numbers and dates for the reader.

        ``brand`` is that of ``tenant`` among the values.
        """
        environment = self.environment(theme, locale)
        return environment.get_template(template).render(
            fmt=Formats(locale, zone),
            locale=locale,
            direction=direction_of(locale),
            brand=self.brands.of(values.get("tenant"), self.themes[self.theme_of(theme)]),
            **values,
        )


def draw(address: str, name: str, label: str, size: str) -> Markup:
    """Return an icon; one without a label is decoration and hidden from assistive technology."""
    voice = Markup('role="img" aria-label="{}"').format(label) if label else 'aria-hidden="true"'
    kind = "icon icon-turns" if name in DIRECTED else "icon"
    return Markup('<svg class="{}"{} {} focusable="false"><use href="{}"></use></svg>').format(
        kind,
        Markup(' data-size="{}"').format(size) if size else "",
        Markup(voice),  # noqa: S704  # escaped above or a constant
        escape(address),
    )
