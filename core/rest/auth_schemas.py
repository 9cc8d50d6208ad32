"""What the routes of signing in take and answer, as types, and their words for the API document."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from core.auth.tokens.api_keys import MadeKey, NewKey
from core.rest.operation_doc import OperationDoc

Address = Annotated[str, Meta(min_length=3, max_length=254, pattern="^[^@\\s]+@[^@\\s]+$")]
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Slug = Annotated[str, Meta(min_length=1, max_length=100)]


class Credentials(msgspec.Struct, frozen=True):
    """The body of a login. ``tenant`` is a slug, needed where the address has several."""

    email: Address
    password: Secret
    tenant: Slug | None = None


class Refresh(msgspec.Struct, frozen=True):
    """The body of a refresh."""

    refresh: Secret


class Logout(msgspec.Struct, frozen=True):
    """The body of a logout; without ``refresh`` the access token says which session ends."""

    refresh: Secret | None = None


class NewPassword(msgspec.Struct, frozen=True):
    """The body of a change of one's own password."""

    old_password: Secret
    new_password: Secret


class ResetRequest(msgspec.Struct, frozen=True):
    """The body of a request for a reset."""

    email: Address
    tenant: Slug | None = None


class PasswordReset(msgspec.Struct, frozen=True):
    """The body that spends a reset token."""

    token: Secret
    password: Secret


class Myself(msgspec.Struct, frozen=True):
    """A person as they see themselves."""

    id: UUID
    email: str
    name: str
    roles: list[str]


class MyTenant(msgspec.Struct, frozen=True):
    """The tenant that a person signed in to."""

    id: UUID
    slug: str
    name: str
    plugins: list[str]
    locale: str
    timezone: str
    currency: str


class SignedIn(msgspec.Struct, frozen=True):
    """The answer of a login and of a refresh."""

    access: str
    refresh: str
    expires_in: int
    token_type: str
    user: Myself
    tenant: MyTenant


class Me(msgspec.Struct, frozen=True):
    """Who is asking, and what they may do."""

    user: Myself
    roles: list[str]
    permissions: list[str]
    tenant: MyTenant


class Renewed(msgspec.Struct, frozen=True):
    """The answer of a change of password: the old access tokens have ended."""

    access: str
    expires_in: int
    token_type: str


class Message(msgspec.Struct, frozen=True):
    """A sentence."""

    detail: str


class OpenSession(msgspec.Struct, frozen=True):
    """One place at which a person is signed in."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    current: bool


class OpenSessions(msgspec.Struct, frozen=True):
    """All places at which a person is signed in."""

    count: int
    results: list[OpenSession]


# By the name of the handler.
DOCS: dict[str, OperationDoc] = {
    "login": OperationDoc(
        id="auth_login",
        summary="Sign in with e-mail and password",
        body=Credentials,
        answer=SignedIn,
        example={"email": "staff@acme.example", "password": "trellis-demo"},
        refuses=(401, 403, 429),
    ),
    "refresh": OperationDoc(
        id="auth_refresh",
        summary="Get the next tokens",
        description="A refresh token is good once. Using one again ends its session.",
        body=Refresh,
        answer=SignedIn,
        refuses=(401,),
    ),
    "logout": OperationDoc(
        id="auth_logout",
        summary="End this session",
        body=Logout,
        body_required=False,
        answer=None,
        status=204,
        refuses=(401, 403),
    ),
    "logout_all": OperationDoc(
        id="auth_logout_all", summary="End all of one's sessions", answer=None, status=204
    ),
    "me": OperationDoc(id="auth_me", summary="Who is asking, and what he may do", answer=Me),
    "change_password": OperationDoc(
        id="auth_change_password",
        summary="Replace one's own password",
        body=NewPassword,
        answer=Renewed,
        refuses=(429,),
    ),
    "reset_request": OperationDoc(
        id="auth_reset_request",
        summary="Ask for a way to set a password",
        description="The answer is the same whether the address is known or not.",
        body=ResetRequest,
        answer=Message,
        status=202,
        example={"email": "staff@acme.example"},
        refuses=(403, 429),
    ),
    "reset_password": OperationDoc(
        id="auth_reset_password",
        summary="Set a password with a one-time token",
        description="An unknown, spent or expired token answers 404.",
        body=PasswordReset,
        answer=None,
        status=204,
        refuses=(404,),
    ),
    "list_sessions": OperationDoc(
        id="auth_sessions", summary="Where one is signed in", answer=OpenSessions
    ),
    "end_session": OperationDoc(
        id="auth_sessions_end", summary="End one of one's sessions", answer=None, status=204
    ),
    "create_key": OperationDoc(
        id="api_keys_create",
        summary="Make an API key",
        description="Its text is in this answer and nowhere else.",
        tag="API keys",
        body=NewKey,
        answer=MadeKey,
        status=201,
    ),
}
