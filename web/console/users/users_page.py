"""Users and tokens for operators without a shell: added, changed, signed out, removed."""

from collections.abc import Awaitable
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from pipeline.text.i18n import in_language
from storage.accounts.tokens import list_tokens
from storage.accounts.users import count_sessions, list_users
from web.console.pages import page, words_for
from web.console.request_models import whole_number
from web.console.users.account_errors import account_problem
from web.operator.accounts import (
    LEAST_LETTERS,
    AccountRefused,
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

_MOST_DAYS = 3650


def users_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""
    database = service.database

    async def show(request: _Request, *, status: int = 200, **shown: str) -> Response[str]:
        return page(
            "users.html",
            request,
            status=status,
            tab="users",
            users=await list_users(database),
            sessions=await count_sessions(database),
            tokens=await list_tokens(database),
            roles=tuple(Role),
            least=LEAST_LETTERS,
            quote=quote,
            **{"wrong": "", "secret": "", "token": ""} | shown,
        )

    async def done(request: _Request, work: Awaitable[object]) -> Response[Any]:
        """Return to the page, or show it with what was refused."""
        try:
            await work
        except AccountRefused as error:
            problem = account_problem(error)
            wrong = in_language(problem.detail, words_for(request))
            return await show(request, status=problem.status_code, wrong=wrong)
        lang = request.query_params.get("lang", "")
        return Redirect("/console/users" + (f"?lang={lang}" if lang in {"zh", "en"} else ""), status_code=303)

    @get("/users", permission=Permission.MANAGE_USERS)
    async def users(request: _Request) -> Response[str]:
        return await show(request)

    @post("/users", permission=Permission.MANAGE_USERS)
    async def add(request: _Request) -> Response[Any]:
        form = await _form(request)
        name, password = form.get("name", "").strip(), form.get("password", "")
        return await done(request, add_account(database, name, _role(form), password, by=name_of(request)))

    @post("/users/{name:str}/role", permission=Permission.MANAGE_USERS)
    async def role(request: _Request, name: FromPath[str]) -> Response[Any]:
        return await done(request, set_role(database, name, _role(await _form(request)), by=name_of(request)))

    @post("/users/{name:str}/password", permission=Permission.MANAGE_USERS)
    async def password(request: _Request, name: FromPath[str]) -> Response[Any]:
        given = (await _form(request)).get("password", "")
        return await done(request, set_password(database, name, given, by=name_of(request)))

    @post("/users/{name:str}/sign-out", permission=Permission.MANAGE_USERS)
    async def sign_out(request: _Request, name: FromPath[str]) -> Response[Any]:
        return await done(request, sign_out_everywhere(database, name, by=name_of(request)))

    @post("/users/{name:str}/remove", permission=Permission.MANAGE_USERS)
    async def remove(request: _Request, name: FromPath[str]) -> Response[Any]:
        return await done(request, remove_account(database, name, by=name_of(request)))

    @post("/tokens", permission=Permission.MANAGE_USERS, status_code=200)
    async def make(request: _Request) -> Response[Any]:
        form = await _form(request)
        name, days = form.get("name", "").strip(), whole_number(form.get("days", ""))
        if days is None or not 1 <= days <= _MOST_DAYS:
            raise HTTPException(status_code=422, detail="console.bad_form")
        try:
            secret = await make_token(database, name, _role(form), days=days, by=name_of(request))
        except AccountRefused as error:
            problem = account_problem(error)
            wrong = in_language(problem.detail, words_for(request))
            return await show(request, status=problem.status_code, wrong=wrong)
        return await show(request, secret=secret, token=name)

    @post("/tokens/{name:str}/revoke", permission=Permission.MANAGE_USERS)
    async def revoke(request: _Request, name: FromPath[str]) -> Response[Any]:
        return await done(request, drop_token(database, name, by=name_of(request)))

    return [users, add, role, password, sign_out, remove, make, revoke]


async def _form(request: _Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def _role(form: dict[str, str]) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise HTTPException(status_code=422, detail="console.bad_form") from None
