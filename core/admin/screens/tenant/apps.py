"""Apps: what each installed plugin adds and needs, and switching it on and off for the tenant."""

import msgspec
from litestar.response.base import ASGIResponse

from core.admin.page import READ, WRITE, Flash, Page, page_route
from core.admin.parts import Link
from core.errors import Conflict, NotFound
from core.registry.registry import Registry
from core.rest.route import Route
from core.tenancy.apps import App, installed_apps, switch_app

HOME = "/app/apps/"


class Part(msgspec.Struct, frozen=True):
    """One kind of thing that a plugin adds, with the names of what it adds."""

    label: str
    names: tuple[Link, ...]


class Shown(msgspec.Struct, frozen=True):
    """A plugin as its card shows it. ``holders`` are enabled plugins that require it."""

    app: App
    title: str
    summary: str
    needs: tuple[Link, ...]
    holders: tuple[str, ...]
    parts: tuple[Part, ...]


def routes(registry: Registry) -> list[Route]:
    """Return the routes of the list of plugins, of one of them, and of both switches."""
    view, update = "core.setting.view", "core.setting.update"
    return [
        page_route("/app/apps", READ, view, show_apps),
        page_route("/app/apps/{name:str}", READ, view, show_app),
        page_route("/app/apps/{name:str}/enable", WRITE, update, enable_app),
        page_route("/app/apps/{name:str}/disable", WRITE, update, disable_app),
    ]


async def show_apps(page: Page) -> ASGIResponse:
    """Show every plugin that is installed."""
    await page.ctx.fetchval("SELECT 1")
    return _list(page)


def _list(page: Page, problem: str = "", status: int = 200) -> ASGIResponse:
    shown = [_shown(page, app) for app in installed_apps(page.ctx)]
    return page.render(
        "apps.html",
        status=status,
        problem=problem,
        apps=sorted(shown, key=lambda one: not one.app.enabled),
        may_switch=page.ctx.rights.may("core.setting", "update"),
        waiting=sorted(page.platform.quarantined),
    )


async def show_app(page: Page) -> ASGIResponse:
    """Show one plugin whole."""
    await page.ctx.fetchval("SELECT 1")
    return _one(page, _named(page))


def _one(page: Page, app: App, problem: str = "", status: int = 200) -> ASGIResponse:
    return page.render(
        "app.html",
        status=status,
        problem=problem,
        one=_shown(page, app),
        may_switch=page.ctx.rights.may("core.setting", "update"),
    )


def _named(page: Page) -> App:
    name = page.request.path_params["name"]
    for app in installed_apps(page.ctx):
        if app.name == name:
            return app
    raise NotFound


async def enable_app(page: Page) -> ASGIResponse:
    """Switch a plugin on, with all that it requires."""
    return await _switched(page, on=True)


async def disable_app(page: Page) -> ASGIResponse:
    """Switch a plugin off; what it stored stays."""
    return await _switched(page, on=False)


async def _switched(page: Page, *, on: bool) -> ASGIResponse:
    app, _ = _named(page), page.translate
    try:
        done = await switch_app(page.ctx, app.name, on=on)
    except Conflict as refused:
        return _one(page, app, _refused(page, app, refused), 409)
    titles = [_title(page, name) for name in done.changed]
    words = _("%(apps)s is switched on.") if on else _("%(apps)s is switched off. Its data stays.")
    text = words % {"apps": ", ".join(titles)} if titles else _("Nothing had to be changed.")
    return page.redirect(f"{HOME}{app.name}/", flash=Flash(text))


def _refused(page: Page, app: App, refused: Conflict) -> str:
    _ = page.translate
    if refused.code == "config_read_only":
        return _(
            "The configuration file is read-only on this server."
            " Ask an operator to switch the app where the file is kept."
        )
    if refused.code == "required":
        names = {"apps": ", ".join(_holders(page, app.name))}
        return _("It is needed by %(apps)s. Switch that off first.") % names
    return refused.detail


def _title(page: Page, name: str) -> str:
    return page.translate(page.ctx.platform.registry.plugins[name].manifest.title)


def _holders(page: Page, name: str) -> tuple[str, ...]:
    plugins = page.ctx.platform.registry.plugins
    return tuple(
        _title(page, other)
        for other in sorted(page.ctx.tenant.enabled)
        if name in plugins[other].manifest.requires
    )


def _shown(page: Page, app: App) -> Shown:
    enabled = page.ctx.tenant.enabled
    return Shown(
        app=app,
        title=page.translate(app.title),
        summary=page.translate(app.summary),
        needs=tuple(
            Link(_title(page, name), f"{HOME}{name}/", active=name in enabled)
            for name in app.requires
            if name != "core"
        ),
        holders=_holders(page, app.name),
        parts=tuple(part for part in _parts(page, app) if part.names),
    )


def _parts(page: Page, app: App) -> list[Part]:
    """Return what the plugin adds, by kind."""
    _, registry = page.translate, page.ctx.platform.registry
    rights = page.ctx.rights
    entities = [e for e in registry.entities.values() if e.plugin == app.name]
    seen = {e.name for e in entities if app.enabled and rights.may(e.name, "list")}
    return [
        Part(
            _("Records"),
            tuple(
                Link(_(e.plural), f"/app/{e.resource}/" if e.name in seen else "") for e in entities
            ),
        ),
        Part(_("Fields of other apps' records"), tuple(_extensions(page, app.name))),
        Part(_("Actions"), tuple(_actions(page, app.name))),
        Part(
            _("Roles"),
            tuple(
                Link(_(role.label), f"/app/roles/{name}/" if app.enabled else "")
                for name, role in registry.roles.items()
                if registry.role_owners.get(name) == app.name
            ),
        ),
        Part(
            _("Dictionaries"),
            tuple(
                Link(_(found.label), f"/app/dictionaries/{name}/" if app.enabled else "")
                for name, found in registry.dictionaries.items()
                if name.partition(".")[0] == app.name
            ),
        ),
        Part(_("Addresses for programs"), tuple(_addresses(registry, app.name))),
        Part(_("Settings"), _settings(page, app)),
    ]


def _actions(page: Page, plugin: str) -> list[Link]:
    """Return what a plugin lets people do with records, its own and others'."""
    _, registry = page.translate, page.ctx.platform.registry
    return [
        Link(f"{_(registry.entities[name].label)}: {_(action.label)}", "")
        for name, actions in registry.actions.items()
        for action in actions
        if action.plugin == plugin
    ]


def _settings(page: Page, app: App) -> tuple[Link, ...]:
    if not app.has_settings:
        return ()
    href = f"/app/settings/{app.name}/" if app.enabled else ""
    return (Link(page.translate("Settings of its own"), href),)


def _extensions(page: Page, plugin: str) -> list[Link]:
    """Return the fields that a plugin adds to the records of others."""
    _, registry = page.translate, page.ctx.platform.registry
    found = []
    for owner, extension in registry.extensions:
        if owner == plugin:
            host = registry.entity(extension.host)
            found += [
                Link(f"{_(host.label)}: {_(field.label)}", "")
                for field in extension.fields.values()
            ]
    return found


def _addresses(registry: Registry, plugin: str) -> list[Link]:
    entities = [e for e in registry.entities.values() if e.plugin == plugin]
    own = [Link(f"/api/{entity.resource}/", "") for entity in entities]
    routers = any(name == plugin for name, _ in registry.controllers)
    return own + ([Link(f"/api/{plugin.replace('_', '-')}/", "")] if routers else [])
