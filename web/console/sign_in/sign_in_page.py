"""The page on which users sign in, and the way out."""

from typing import Any, Literal

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from pipeline.text.i18n import in_language
from storage.conversations.audit import record
from storage.conversations.audit_actions import Action
from storage.database.access import DatabaseUnusable
from web.console.pages import FRESH, page, words_for
from web.security.account_lookup import COOKIE
from web.security.guard import ConsoleGuard
from web.security.known_browsers import BROWSER_COOKIE, BROWSER_SECONDS
from web.security.roles import Permission
from web.security.sign_in import BegunSession

_Request = Request[Any, Any, Any]

_MOST_LETTERS = 1024
_Way = Literal["password", "one-time address"]


def sign_in_pages(guard: ConsoleGuard) -> list[HTTPRouteHandler]:
    """Make the routes."""

    async def enter(request: _Request, form: dict[str, str]) -> tuple[BegunSession, _Way]:
        """Return the session that begins; `HTTPException` says why none does."""
        if code := form.get("code", ""):
            secret = await guard.accounts.use_code(code)
            if secret is None:
                raise HTTPException(status_code=401, detail="console.sign_in_used")
            return BegunSession(secret, browser=""), "one-time address"
        name, password = form.get("name", "").strip(), form.get("password", "")
        if max(len(name), len(password)) > _MOST_LETTERS:
            raise HTTPException(status_code=401, detail="console.sign_in_wrong")
        return await guard.sign_in.begin(request, name, password), "password"

    async def note(action: Action, secret: str, **details: str) -> None:
        user = await guard.signed_in_by(secret)
        who = f"console:{user.name}" if user and user.name else "console"
        await record(guard.accounts.database, action, who, details, conversations=0, messages=0)

    @get("/sign-in", sync_to_thread=False, permission=Permission.OPEN)
    def show(request: _Request) -> Response[str]:
        asked = request.query_params
        return _form(request, back=asked.get("next", ""), code=asked.get("code", ""))

    @post("/sign-in", permission=Permission.OPEN, status_code=303)
    async def begin(request: _Request) -> Response[Any]:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        try:
            begun, way = await enter(request, form)
            await note("sign_in", begun.secret, way=way)
        except HTTPException as error:
            shown = _form(request, back=form.get("next", ""), name=form.get("name", ""), refused=error)
            shown.headers.update(error.headers or {})
            return shown
        except DatabaseUnusable:
            away = HTTPException(status_code=503, detail="console.database_away")
            return _form(request, back=form.get("next", ""), name=form.get("name", ""), refused=away)
        answer = Redirect(_safe(form.get("next", "")), status_code=303, headers=FRESH)
        secure = _is_secure(request)
        answer.set_cookie(COOKIE, begun.secret, path="/", httponly=True, samesite="lax", secure=secure)
        if begun.browser:
            answer.set_cookie(
                BROWSER_COOKIE,
                begun.browser,
                max_age=BROWSER_SECONDS,
                path="/console/sign-in",
                httponly=True,
                samesite="lax",
                secure=secure,
            )
        return answer

    @post("/sign-out", permission=Permission.OPEN, status_code=303)
    async def end(request: _Request) -> Response[Any]:
        if secret := request.cookies.get(COOKIE, ""):
            try:
                if await guard.signed_in_by(secret):
                    await note("sign_out", secret)
                await guard.accounts.end(secret)
            except DatabaseUnusable as error:
                raise HTTPException(status_code=503, detail="console.database_away") from error
        lang = request.query_params.get("lang", "")
        answer = Redirect("/console/sign-in" + (f"?lang={lang}" if lang in {"zh", "en"} else ""), status_code=303)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    return [show, begin, end]


def _form(
    request: _Request,
    *,
    back: str,
    name: str = "",
    code: str = "",
    refused: HTTPException | None = None,
) -> Response[str]:
    words = words_for(request)
    wrong = "" if refused is None else refused.detail
    wrong = words.text(wrong) if wrong.startswith("console.") else in_language(wrong, words)
    status = 200 if refused is None else refused.status_code
    return page("sign_in.html", request, status=status, tab="", back=_safe(back), name=name, code=code, wrong=wrong)


def _safe(address: str) -> str:
    """Return an address of the console as it is, and the console's own for any other."""
    inside = address == "/console" or address.startswith(("/console/", "/console?"))
    return address if inside and address.isprintable() and "\\" not in address and "//" not in address else "/console"


def _is_secure(request: _Request) -> bool:
    """Whether the browser reached us by HTTPS, through a proxy: it says so itself."""
    return request.headers.get("origin", "").startswith("https://")
