"""Makes the console's pages out of templates, in the language of whoever asks, with what keeps a page from harm."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import Any, cast, get_args
from urllib.parse import urlencode
from zlib import crc32

import structlog
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from markupsafe import Markup, escape
from pydantic_core import to_json

from chains.models.prices import currency_name
from pipeline.text.i18n import Catalogue, Language, in_language
from pipeline.text.stored_sentences import stored_in_language
from pipeline.text.unicode import visible_controls
from storage.database.access import error_line, unusable_sentence
from web.console.assets import address_of, page_folders
from web.console.navigation import entries_for
from web.security.headers import SAFETY
from web.security.roles import signed_in

log = structlog.get_logger()

_Request = Request[Any, Any, Any]

VERSION = version("webot")

FRESH = {"Cache-Control": "no-store"}
"""On what people said: no browser keeps it."""

_LANGUAGES: tuple[Language, ...] = get_args(Language)

_HUES = 6
_CODE = re.compile("`([^`]*)`")
_SIGNED_OUT = 401


def _address(path: str, /, *, lang: str = "", **query: str) -> str:
    given = {name: value for name, value in {**query, "lang": lang}.items() if value}
    return f"/console{path}" + (f"?{urlencode(given)}" if given else "")


def _hue(name: str) -> int:
    """Choose a colour for somebody, the same one each time."""
    return crc32(name.casefold().encode()) % _HUES


def _moment(at: datetime) -> str:
    """Write a time in the time zone of the settings."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _from_seconds(at: float) -> datetime:
    """Return the time of so many seconds since 1970."""
    return datetime.fromtimestamp(at, UTC)


def _written_out(value: object) -> object:
    """Return what a template shows, text with its control characters written out; markup is as it was made.

    For every text of every page, so that no template forgets it: `exact` is for what a form sends back.
    """
    return visible_controls(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _exact(value: str) -> Markup:
    """Return a text for a form that sends it back, every character as it is."""
    return escape(value)


def _with_code(value: str) -> Markup:
    """Return a sentence with what stands between backticks as code."""
    # As plain text: markup would escape what is put between its pieces.
    escaped = str(escape(visible_controls(value)))
    return Markup(_CODE.sub(r"<code>\1</code>", escaped))  # noqa: S704 - escaped just before


_PIECES = 150
"""Parts of a template filled in before others run: some 0.3 ms."""

_TEMPLATES = Environment(
    loader=ChoiceLoader([PackageLoader("web.console", folder) for folder in page_folders()]),
    autoescape=True,
    finalize=_written_out,
    auto_reload=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["hue"] = _hue
_TEMPLATES.filters["with_code"] = _with_code
_TEMPLATES.filters["exact"] = _exact
_TEMPLATES.filters["moment"] = _moment
_TEMPLATES.filters["from_seconds"] = _from_seconds
_TEMPLATES.globals["asset"] = address_of
# Read now: files are not for the event loop, and the first person need not wait for them.
_WORDS: Mapping[Language, Catalogue] = {language: Catalogue(language) for language in _LANGUAGES}
for _name in _TEMPLATES.list_templates(extensions=["html"]):
    _TEMPLATES.get_template(_name)


def language_of(request: _Request) -> Language:
    """Choose by `lang` of the address, else by what the browser prefers, else Chinese."""
    asked = request.query_params.get("lang", "")
    preferred = (part.split(";")[0].strip()[:2] for part in request.headers.get("accept-language", "").split(","))
    for wanted in (asked, *preferred):
        if wanted in _LANGUAGES:
            return cast("Language", wanted)
    return "zh"


def path_of(request: _Request) -> Callable[..., str]:
    """Return what makes addresses of pages; only a language that was asked for goes on from page to page."""
    return partial(_address, lang=request.query_params.get("lang", ""))


def words_for(request: _Request) -> Catalogue:
    """Return the sentences for whoever asks."""
    return _WORDS[language_of(request)]


def rendered(name: str, catalogue: Catalogue, /, **shown: object) -> str:
    """Fill a template in.

    It says sentences of the table `console` with `say`, problems, stored ones too, with `problem_text`, and makes
    addresses of what belongs to a page with `at`, in the page's language. `sentence` says any sentence by its whole
    key, `named` that of a value out of the database, which may be one that has no sentence. A currency, among the
    values of `say` or by `currency_called`, is what people call it: CNY is 元 or yuan.
    """
    return "".join(_pieces(name, catalogue, shown))


async def rendered_in_turns(name: str, catalogue: Catalogue, /, **shown: object) -> str:
    """Fill a template in as `rendered` does, letting others run in between: a list of 50 rows takes milliseconds."""
    pieces, made = _pieces(name, catalogue, shown), list[str]()
    while some := list(islice(pieces, _PIECES)):
        made += some
        await asyncio.sleep(0)
    return "".join(made)


def _pieces(name: str, catalogue: Catalogue, shown: Mapping[str, object]) -> Iterator[str]:
    def currency_called(code: str) -> str:
        return currency_name(code, catalogue)

    def say(key: str, /, **values: object) -> str:
        if "currency" in values:
            values["currency"] = currency_called(str(values["currency"]))
        return catalogue.text(f"console.{key}", **values)

    def named(prefix: str, value: str) -> str:
        key = f"console.{prefix}_{value}"
        return catalogue.text(key) if catalogue.has(key) else value

    at = partial(_address, lang=catalogue.language)
    problem_text = partial(stored_in_language, catalogue=catalogue)
    return _TEMPLATES.get_template(name).generate(
        say=say,
        sentence=catalogue.text,
        named=named,
        problem_text=problem_text,
        currency_called=currency_called,
        at=at,
        language=catalogue.language,
        **shown,
    )


def page(name: str, request: _Request, /, *, status: int = 200, **shown: object) -> Response[str]:
    """Answer with a page."""
    html = rendered(
        name,
        words_for(request),
        to=path_of(request),
        version=VERSION,
        navigation=entries_for(request),
        user=signed_in(request),
        **shown,
    )
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=FRESH)


def answer_json(value: object, *, status: int = 200, etag: str = "") -> Response[bytes]:
    """Answer with JSON of anything pydantic can write; `etag` is the mark that a change of it is asked to name."""
    headers = FRESH | {"ETag": f'"{etag}"'} if etag else FRESH
    return Response(to_json(value), status_code=status, media_type=MediaType.JSON, headers=headers)


def broke(request: _Request, error: Exception) -> Response[Any]:
    """Own up to a fault of ours, and leave its trace in the log."""
    return refused(request, read_fault(request, error))


def read_fault(request: _Request, error: Exception) -> HTTPException:
    """Log what a request came to grief over, and return what is answered: its database's trouble, or our fault."""
    if (unusable := unusable_sentence(error)) is not None:
        # No traceback: it would say less, and hold what was asked for.
        log.error("request_without_database", path=request.url.path, error=error_line(error))
        return HTTPException(status_code=503, detail=unusable)
    log.error("request_broke", path=request.url.path, exc_info=error)
    return HTTPException(status_code=500, detail="console.broke")


def refused(request: _Request, error: HTTPException) -> Response[Any]:
    """Return what is wrong: on a page to somebody who opened one, in JSON to a script or a program."""
    words = words_for(request)
    known = error.detail.startswith("console.")
    detail = words.text(error.detail) if known else in_language(error.detail, words)
    headers = dict(SAFETY) | FRESH | dict(error.headers or {})
    status = error.status_code
    if status == _SIGNED_OUT and _opens_a_page(request):
        return Redirect(_sign_in_address(request), status_code=303, headers=headers)
    if not _opens_a_page(request):
        return Response(to_json({"detail": detail}), status_code=status, media_type=MediaType.JSON, headers=headers)
    html = rendered(
        "refused.html", words, to=path_of(request), status=status, detail=detail, version=VERSION, navigation=(), tab=""
    )
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers)


def _opens_a_page(request: _Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and "hx-request" not in request.headers


def _sign_in_address(request: _Request) -> str:
    """Return where to sign in, and where to go on from there; what was sent is not sent again."""
    lang = request.query_params.get("lang", "")
    # A link elsewhere opens no address with a query, and a browser still says so after it was sent on.
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return "/console/sign-in"
    query = f"?{request.url.query}" if request.url.query else ""
    back = f"{request.url.path}{query}" if request.method == "GET" and request.url.path != "/console" else ""
    return _address("/sign-in", lang=lang, next=back)
