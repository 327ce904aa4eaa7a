"""The models that answer, and asking one, for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from pipeline.errors import SettingsInvalid
from web.api.openapi.described import describe
from web.console.pages import words_for
from web.operator.reports.models import ModelExamination, ModelView, examine_model, model_views
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class ModelListing:
    """Every model; prices in `currency`."""

    currency: str
    items: Sequence[ModelView]


def models_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/models", permission=Permission.READ_MODELS, **describe(answer=ModelListing))
    async def models() -> ModelListing:
        return ModelListing(
            service.settings.budgets.currency, model_views(service.settings, service.chains, service.loaded.layers)
        )

    @post(
        "/models/{name:str}/test",
        status_code=200,
        permission=Permission.EDIT_CHAINS,
        **describe(
            answer=ModelExamination,
            problems=(404, 409),
        ),
    )
    async def test(request: _Request, name: FromPath[str]) -> ModelExamination:
        registry = service.chains.models
        if name not in registry.names:
            raise HTTPException(status_code=404, detail="console.models_unknown")
        try:
            return await examine_model(registry, name, words_for(request))
        except SettingsInvalid as error:
            raise HTTPException(status_code=409, detail="; ".join(error.problems)) from error

    return [models, test]
