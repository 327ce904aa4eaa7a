"""The forms that change who is answered by what, which work without a script: release, roll back, end, delete."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from pipeline.text.i18n import Sentence, in_language
from web.console.chains.chain_actions import (
    draft_state,
    finish_trial,
    release_again,
    release_draft,
    release_sentence,
    remove_chain,
    save_draft,
)
from web.console.chains.chain_forms import LARGEST_FORM, PageMaker, to_chain
from web.console.pages import words_for
from web.console.request_models import whole_number
from web.operator.chains.overview import open_workspace
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_ALL = 100
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class ReleaseWish:
    """What the form of a release says; `text` is what stands in the editor, None where the form has none."""

    whom: str = "all"
    share: str = "10"
    users: str = ""
    note: str = ""
    text: str | None = None
    seen: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the people who are named."""
        return tuple(self.users.replace("，", ",").replace(",", " ").split()) if self.whom == "people" else ()

    @property
    def percent(self) -> int | None:
        """Return how many of a hundred people are meant, None where people are named.

        Raises:
            HTTPException: nobody is meant, or it cannot be told who is.
        """
        match self.whom:
            case "all":
                return _ALL
            case "share":
                share = whole_number(self.share)
                if share not in range(1, _ALL + 1):
                    raise HTTPException(status_code=422, detail=Sentence("chains.share_zero"))
                return share
            case "people":
                if not self.names:
                    raise HTTPException(status_code=422, detail=Sentence("chains.user_empty"))
                return None
            case _:
                raise HTTPException(status_code=422, detail="console.bad_form")


def release_forms(service: Service, chain_page: PageMaker, history_page: PageMaker) -> list[HTTPRouteHandler]:
    """Make the routes of the forms that change who is answered by what."""

    async def refuse(request: _Request, name: str, wish: ReleaseWish, error: HTTPException) -> Response[str]:
        """Answer with the editor as it was sent, and why nothing was released."""
        words, draft = words_for(request), await draft_state(await open_workspace(service), name)
        why = words.text(error.detail) if error.detail.startswith("console.") else in_language(error.detail, words)
        key = "chains_saved_not_released" if draft.exists and draft.text == wish.text else "chains_refused_release"
        notice = words.text(f"console.{key}", why=why)
        return await chain_page(
            service, request, name, status=error.status_code, notice=notice, text=wish.text, wish=wish
        )

    @post("/chains/{name:str}/delete", permission=Permission.RELEASE_CHAINS, status_code=303)
    async def delete(request: _Request, name: FromPath[str]) -> Redirect:
        await remove_chain(service, request, name)
        return to_chain(request, "")

    @post(
        "/chains/{name:str}/release",
        permission=Permission.RELEASE_CHAINS,
        status_code=200,
        request_max_body_size=LARGEST_FORM,
    )
    async def release(request: _Request, name: FromPath[str]) -> Response[str]:
        wish = _read_wish(await request.form())
        try:
            share = wish.percent
            seen = await _saved_mark(service, request, name, wish)
            done = await release_draft(service, request, name, share=share, users=wish.names, note=wish.note, seen=seen)
        except HTTPException as error:
            if wish.text is None:
                raise
            return await refuse(request, name, wish, error)
        notice = release_sentence(done, words_for(request))
        return await history_page(service, request, name, notice=notice, failed=not done.published.took_effect)

    @post("/chains/{name:str}/rollback", permission=Permission.RELEASE_CHAINS, status_code=200)
    async def rollback(request: _Request, name: FromPath[str]) -> Response[str]:
        revision = str((await request.form()).get("revision", ""))
        done = await release_again(service, request, name, revision, note="")
        notice = release_sentence(done, words_for(request))
        return await history_page(service, request, name, notice=notice, failed=not done.published.took_effect)

    @post("/chains/{name:str}/end", permission=Permission.RELEASE_CHAINS, status_code=200)
    async def end(request: _Request, name: FromPath[str]) -> Response[str]:
        done = await finish_trial(service, request, name)
        notice = release_sentence(done, words_for(request))
        return await history_page(service, request, name, notice=notice, failed=not done.published.took_effect)

    return [delete, release, rollback, end]


def _read_wish(form: Mapping[str, Any]) -> ReleaseWish:
    said = {key: str(form.get(key, "")) for key in ("whom", "share", "users")}
    text = str(form["text"]).replace("\r\n", "\n").replace("\r", "\n") if "text" in form else None
    note, seen = str(form.get("note", ""))[:_LONGEST_NOTE], str(form.get("etag", ""))
    return ReleaseWish(**said, note=note, text=text, seen=seen)


async def _saved_mark(service: Service, request: _Request, name: str, wish: ReleaseWish) -> str:
    """Return the mark of the draft that is released: of what stands in the editor, which is saved first."""
    workspace = await open_workspace(service)
    if wish.text is None or wish.text == (await draft_state(workspace, name)).text:
        return wish.seen
    return (await save_draft(service, request, workspace, name, wish.text, seen=wish.seen)).mark
