"""Users of the console and tokens of programs, for programs; a secret is in the answer that makes it alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Request, delete, get, patch, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from pydantic import Field

from storage.accounts.tokens import StoredToken, list_tokens
from storage.accounts.users import count_sessions, list_users
from web.api.openapi.described import describe
from web.console.request_models import RequestModel, from_body
from web.console.users.account_errors import account_problems
from web.operator.accounts import (
    add_account,
    drop_token,
    make_token,
    remove_account,
    set_password,
    set_role,
    sign_out_everywhere,
)
from web.security.auditing import name_of
from web.security.role_names import Role
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


class NewUser(RequestModel):
    """A user to be added; a password has 12 characters at least."""

    name: str
    role: Role
    password: str


class UserChange(RequestModel):
    """What shall be different with a user."""

    role: Role | None = None
    password: str | None = None


class NewToken(RequestModel):
    """A token to be made."""

    name: str
    role: Role
    days: int = Field(default=90, ge=1, le=3650)


@dataclass(frozen=True, slots=True)
class UserStatus:
    """A user, and how many sessions they have."""

    name: str
    role: str
    added_at: datetime
    sessions: int


@dataclass(frozen=True, slots=True)
class UserListing:
    """The users, by name."""

    items: Sequence[UserStatus]
    next: None = None


@dataclass(frozen=True, slots=True)
class TokenListing:
    """The tokens, by name."""

    items: Sequence[StoredToken]
    next: None = None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token just made; `token` is shown this once."""

    name: str
    token: str


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """How many sessions have ended."""

    sessions: int


def accounts_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""
    database = service.database

    async def found(name: str) -> UserStatus:
        sessions = await count_sessions(database)
        for user in await list_users(database):
            if user.name == name:
                return UserStatus(user.name, user.role, user.created_at, sessions.get(user.name, 0))
        raise HTTPException(status_code=404, detail="console.users_gone")

    @get("/users", permission=Permission.MANAGE_USERS, **describe(answer=UserListing))
    async def users() -> UserListing:
        sessions = await count_sessions(database)
        return UserListing(
            [
                UserStatus(user.name, user.role, user.created_at, sessions.get(user.name, 0))
                for user in await list_users(database)
            ]
        )

    @post(
        "/users", permission=Permission.MANAGE_USERS, **describe(body=NewUser, answer=UserStatus, problems=(409, 422))
    )
    async def add(request: _Request) -> UserStatus:
        asked = await from_body(NewUser, request)
        with account_problems():
            await add_account(database, asked.name, asked.role, asked.password, by=name_of(request))
        return await found(asked.name)

    @patch(
        "/users/{name:str}",
        permission=Permission.MANAGE_USERS,
        **describe(body=UserChange, answer=UserStatus, problems=(404, 409, 422)),
    )
    async def change(request: _Request, name: FromPath[str]) -> UserStatus:
        asked = await from_body(UserChange, request)
        with account_problems():
            if asked.password is not None:
                await set_password(database, name, asked.password, by=name_of(request))
            if asked.role is not None:
                await set_role(database, name, asked.role, by=name_of(request))
        return await found(name)

    @delete("/users/{name:str}", permission=Permission.MANAGE_USERS, **describe(problems=(404, 409)))
    async def remove(request: _Request, name: FromPath[str]) -> None:
        with account_problems():
            await remove_account(database, name, by=name_of(request))

    @post(
        "/users/{name:str}/sign-out",
        permission=Permission.MANAGE_USERS,
        status_code=200,
        **describe(answer=EndedSessions, problems=(404,)),
    )
    async def sign_out(request: _Request, name: FromPath[str]) -> EndedSessions:
        with account_problems():
            return EndedSessions(await sign_out_everywhere(database, name, by=name_of(request)))

    @get("/tokens", permission=Permission.MANAGE_USERS, **describe(answer=TokenListing))
    async def tokens() -> TokenListing:
        return TokenListing(await list_tokens(database))

    @post(
        "/tokens", permission=Permission.MANAGE_USERS, **describe(body=NewToken, answer=MadeToken, problems=(409, 422))
    )
    async def make(request: _Request) -> MadeToken:
        asked = await from_body(NewToken, request)
        with account_problems():
            secret = await make_token(database, asked.name, asked.role, days=asked.days, by=name_of(request))
        return MadeToken(asked.name, secret)

    @delete("/tokens/{name:str}", permission=Permission.MANAGE_USERS, **describe(problems=(404,)))
    async def revoke(request: _Request, name: FromPath[str]) -> None:
        with account_problems():
            await drop_token(database, name, by=name_of(request))

    return [users, add, change, remove, sign_out, tokens, make, revoke]
