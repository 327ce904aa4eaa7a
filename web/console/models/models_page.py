"""Shows the models that answer, and asks one what it can do and how fast."""

from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from chains.evaluation.media_probe import MediaExamination
from pipeline.errors import SettingsInvalid
from storage.usage.daily_report import quality_of
from web.console.pages import FRESH, page, rendered, words_for
from web.operator.reports.models import (
    ModelExamination,
    can_be_examined,
    examine_model,
    media_findings,
    media_model_views,
    model_views,
)
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

_LONGEST_NAME = 60


def models_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/models", permission=Permission.READ_MODELS)
    async def show(request: _Request) -> Response[str]:
        return await _page(request, "", None, "")

    @post("/models/{name:str}/test", status_code=200, permission=Permission.EDIT_CHAINS)
    async def test(request: _Request, name: FromPath[str]) -> Response[str]:
        models = service.chains.models
        if not can_be_examined(service.settings, models, name):
            raise HTTPException(status_code=404, detail="console.models_unknown")
        examined: ModelExamination | MediaExamination | None = None
        wrong = ""
        try:
            examined = await examine_model(service.settings, models, name, words_for(request))
        except SettingsInvalid as error:
            wrong = "; ".join(error.problems)
        if "hx-request" in request.headers:
            html = rendered("model_examined.html", words_for(request), wrong=wrong, **_shown(examined))
            return Response(html, media_type=MediaType.HTML, headers=FRESH)
        return await _page(request, name, examined, wrong)

    async def _page(
        request: _Request, tested: str, examined: ModelExamination | MediaExamination | None, wrong: str
    ) -> Response[str]:
        await service.daily_counts.flush()
        # From midnight of yesterday on: a day's sums have no hours.
        since = datetime.now(UTC).astimezone().date() - timedelta(days=1)
        now = (service.settings, service.chains, service.loaded.layers)
        return page(
            "models.html",
            request,
            tab="models",
            models=model_views(*now),
            media=media_model_views(*now),
            lately=await quality_of(service.database, "table", since=since),
            saved=request.query_params.get("saved", "")[:_LONGEST_NAME],
            removed=request.query_params.get("removed", "")[:_LONGEST_NAME],
            waiting=request.query_params.get("waiting", "")[:_LONGEST_NAME],
            currency=service.settings.budgets.currency,
            tested=tested,
            wrong=wrong,
            **_shown(examined),
        )

    return [show, test]


def _shown(examined: ModelExamination | MediaExamination | None) -> dict[str, Any]:
    """Return what the page shows of an examination."""
    if isinstance(examined, MediaExamination):
        return {"failure": examined.error, "findings": media_findings(examined), "examined": None}
    return {"failure": examined.pace.error if examined else "", "findings": (), "examined": examined}
