"""The routes of signing in, of one's own credentials and of API keys."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse

from core.auth.credentials import TenantMismatch, bearer_token, check_tenant_names, tenant_at
from core.auth.sign_in import changes, service, sessions
from core.auth.sign_in.sessions import OpenedSession
from core.auth.state import auth_of
from core.auth.tokens import api_keys
from core.auth.tokens.access_tokens import SECONDS
from core.auth.tokens.api_keys import NewKey
from core.auth.tokens.opaque import read_refresh
from core.errors import Forbidden, NotFound, Unauthenticated
from core.model.struct_values import read_object, read_values
from core.rest.auth_schemas import (
    DOCS,
    Credentials,
    Logout,
    NewPassword,
    PasswordReset,
    Refresh,
    ResetRequest,
)
from core.rest.request.context import open_context
from core.rest.request.decode import read_id, read_json
from core.rest.request.origin import read_client
from core.rest.responses import no_content, reply
from core.rest.route import DELETE, POST, READ, Methods, Route
from core.runtime.context import Context
from core.runtime.platform import Platform
from core.runtime.tenant import Tenant

AnyRequest = Request[Any, Any, Any]


async def _body(request: AnyRequest, struct: Any) -> Any:
    return read_values(struct, read_object(await read_json(request, strict=True)))


def _platform(request: AnyRequest) -> Platform:
    found: Platform = request.scope["litestar_app"].state.platform
    return found


def _host_tenant(request: AnyRequest) -> Tenant | None:
    """Return the host's tenant."""
    return tenant_at(_platform(request), request.headers.get("host", ""))


def _requested_tenant(request: AnyRequest, slug: str | None) -> Tenant | None:
    """Return the tenant that host, body and X-Tenant-ID name.

    Contradictions and unknown names are refused alike.
    """
    platform, tenant = _platform(request), _host_tenant(request)
    if slug is not None:
        named = platform.by_slug.get(slug)
        if named is None or (tenant is not None and tenant.id != named.id):
            raise TenantMismatch
        tenant = named
    if tenant is not None:
        headers = dict(request.scope["headers"])
        check_tenant_names(platform, tenant, headers, request.headers.get("host", ""))
    return tenant


async def login(request: AnyRequest) -> ASGIResponse:
    """Answer tokens for address and password."""
    platform = _platform(request)
    asked: Credentials = await _body(request, Credentials)
    tenant, entered = await service.login(
        platform,
        asked.email,
        asked.password,
        _requested_tenant(request, asked.tenant),
        read_client(request),
    )
    return _signed_in_reply(request, tenant, entered)


async def refresh(request: AnyRequest) -> ASGIResponse:
    """Answer the next tokens for a refresh token, which is spent."""
    platform = _platform(request)
    asked: Refresh = await _body(request, Refresh)
    client = read_client(request)
    tenant, entered = await service.refresh(platform, asked.refresh, _host_tenant(request), client)
    return _signed_in_reply(request, tenant, entered)


def _signed_in_reply(request: AnyRequest, tenant: Tenant, entered: OpenedSession) -> ASGIResponse:
    tokens = service.tokens_for(auth_of(_platform(request)), tenant, entered)
    request.scope["state"]["tenant"] = tenant
    person = {
        "id": entered.user,
        "email": entered.email,
        "name": entered.name,
        "roles": entered.roles,
    }
    return reply(
        {**msgspec.structs.asdict(tokens), "user": person, "tenant": _tenant_summary(tenant)}
    )


def _tenant_summary(tenant: Tenant) -> dict[str, Any]:
    config = tenant.config
    return {
        "id": tenant.id,
        "slug": tenant.slug,
        "name": config.name or tenant.slug,
        "plugins": sorted(tenant.enabled - {"core"}),
        "locale": config.locale,
        "timezone": config.timezone,
        "currency": config.currency,
    }


async def logout(request: AnyRequest) -> ASGIResponse:
    """End one session: that of the refresh token in the body, or of the access token."""
    platform = _platform(request)
    asked: Logout = await _body(request, Logout)
    if asked.refresh is not None:
        token = read_refresh(asked.refresh)
        tenant = platform.by_number.get(token.tenant) if token else None
        here = _host_tenant(request)
        if token is None or tenant is None or (here is not None and here.id != tenant.id):
            raise Unauthenticated
        await sessions.end_by_token(platform, tenant, token)
        return no_content()
    if bearer_token(dict(request.scope["headers"])) is None:
        raise Unauthenticated
    ctx, user, session = await _signed_in(request)
    await ctx.write(lambda unit: sessions.end(unit, ctx.tenant, user, session, "logout"))
    return no_content()


async def _signed_in(request: AnyRequest) -> tuple[Context, UUID, UUID]:
    """Return context, user and session; a program with an API key has no session to speak of."""
    ctx = await open_context(request)
    principal = ctx.principal
    if principal.id is None:
        raise Unauthenticated
    if principal.session_id is None:
        raise Forbidden
    return ctx, UUID(principal.id), UUID(principal.session_id)


async def logout_all(request: AnyRequest) -> ASGIResponse:
    """End every session of the caller, with all access tokens."""
    ctx, user, _ = await _signed_in(request)
    await changes.end_all_sessions(ctx, user)
    return no_content()


async def me(request: AnyRequest) -> ASGIResponse:
    """Answer who is asking, what they may do, and in which tenant."""
    ctx = await open_context(request)
    if ctx.principal.id is None:
        raise Unauthenticated
    person = await changes.read_own_user(ctx)
    return reply(
        {
            "user": person,
            "roles": ctx.principal.roles,
            "permissions": ctx.rights.permissions(),
            "tenant": _tenant_summary(ctx.tenant),
        }
    )


async def change_password(request: AnyRequest) -> ASGIResponse:
    """Replace one's own password; answers an access token, for the old ones have ended."""
    ctx, user, session = await _signed_in(request)
    asked: NewPassword = await _body(request, NewPassword)
    client = read_client(request)
    stamp = await changes.change_password(ctx, asked.old_password, asked.new_password, client)
    access = auth_of(ctx.platform).tokens.sign(
        tenant=ctx.tenant.id, user=user, session=session, stamp=stamp
    )
    return reply({"access": access, "expires_in": SECONDS, "token_type": "Bearer"})


async def reset_request(request: AnyRequest) -> ASGIResponse:
    """Answer 202, always alike."""
    platform = _platform(request)
    asked: ResetRequest = await _body(request, ResetRequest)
    tenant = _requested_tenant(request, asked.tenant)
    await changes.request_reset(platform, asked.email, tenant, read_client(request))
    return reply({"detail": "If the address is known, a way to set a password follows."}, 202)


async def reset_password(request: AnyRequest) -> ASGIResponse:
    """Set a password with a one-time token."""
    asked: PasswordReset = await _body(request, PasswordReset)
    await changes.reset_password(
        _platform(request), asked.token, asked.password, _host_tenant(request)
    )
    return no_content()


async def list_sessions(request: AnyRequest) -> ASGIResponse:
    """Answer the caller's open sessions, the newest first."""
    ctx, user, session = await _signed_in(request)
    rows = await ctx.fetch(
        "SELECT id, created_at, last_seen_at, expires_at, address, user_agent FROM core_session"
        " WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now()"
        " AND deleted_at IS NULL ORDER BY last_seen_at DESC, id LIMIT 200",
        ctx.tenant.id,
        user,
    )
    found = [{**dict(row), "current": row["id"] == session} for row in rows]
    return reply({"count": len(found), "results": found})


async def end_session(request: AnyRequest) -> ASGIResponse:
    """End one of the caller's sessions."""
    ctx, user, _ = await _signed_in(request)
    session = read_id(request.path_params["id"])
    if not await ctx.write(lambda unit: sessions.end(unit, ctx.tenant, user, session, "ended")):
        raise NotFound
    return no_content()


async def create_key(request: AnyRequest) -> ASGIResponse:
    """Make an API key; its text is in this answer and nowhere else."""
    ctx, user, _ = await _signed_in(request)
    ctx.rights.require("core.api_key", "create")
    wanted: NewKey = await _body(request, NewKey)
    return reply(await api_keys.create(ctx, user, wanted), 201)


def auth_routes() -> list[Route]:
    """Return the routes; those that are public are named in the kernel's list too."""

    def route(path: str, methods: Methods, fn: Any, **opt: Any) -> Route:
        return Route(path, methods, opt | {"doc": DOCS[fn.__name__]}, fn)

    own = {"permission": "signed_in"}
    return [
        route("/api/auth/login", POST, login, public=True),
        route("/api/auth/refresh", POST, refresh, public=True),
        route("/api/auth/logout", POST, logout, public=True),
        route("/api/auth/reset_request", POST, reset_request, public=True),
        route("/api/auth/reset_password", POST, reset_password, public=True),
        route("/api/auth/logout_all", POST, logout_all, **own),
        route("/api/auth/me", READ, me, **own),
        route("/api/auth/change_password", POST, change_password, **own),
        route("/api/auth/sessions", READ, list_sessions, **own),
        route("/api/auth/sessions/{id:str}", DELETE, end_session, **own),
        route("/api/api-keys", POST, create_key, permission="core.api_key.create"),
    ]
