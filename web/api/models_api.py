"""The models that answer, and asking one, for programs."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from pydantic import Field, SecretStr

from chains.evaluation.media_probe import MediaExamination
from pipeline.errors import SettingsInvalid
from web.api.openapi.described import describe
from web.console.pages import answer_json, words_for
from web.console.request_models import RequestModel, from_body, seen_mark
from web.operator.models.model_changes import ModelSettings, change_model, drop_model, model_settings
from web.operator.models.model_editing import ModelEdit, ModelEditConflict, mark_of
from web.operator.reports.models import (
    MediaModelView,
    ModelExamination,
    ModelView,
    can_be_examined,
    examine_model,
    media_model_views,
    model_views,
)
from web.security.auditing import name_of
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]


_Text = Annotated[str, Field(max_length=1000)]
_Names = Annotated[list[_Text], Field(max_length=1000)]


class ModelChange(RequestModel):
    """What of a model shall be other; keys left out stay as they are, options too."""

    provider: _Text = ""
    model: _Text = ""
    base_url: _Text = ""
    api_key: SecretStr = SecretStr("")
    """Written, and never shown; empty to keep the one there is."""
    title: _Text = ""
    about: _Text = ""
    users: _Names = Field(default_factory=list)
    fallbacks: _Names = Field(default_factory=list)
    timeout: float = 0
    max_retries: int = 0
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    input_price: float = 0
    cached_input_price: float = 0
    output_price: float = 0
    call_price: float = 0
    vision: bool = False
    options: dict[_Text, Any] = Field(default_factory=dict)
    """Options that reach the model as they are; null takes one away."""


@dataclass(frozen=True, slots=True)
class ModelListing:
    """Every model that answers, and those for pictures and speech; prices in `currency`."""

    currency: str
    items: Sequence[ModelView]
    media: Sequence[MediaModelView]


def models_api(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/models", permission=Permission.READ_MODELS, **describe(answer=ModelListing))
    async def models() -> ModelListing:
        now = (service.settings, service.chains, service.loaded.layers)
        return ModelListing(service.settings.budgets.currency, model_views(*now), media_model_views(*now))

    @post(
        "/models/{name:str}/test",
        status_code=200,
        permission=Permission.EDIT_CHAINS,
        **describe(
            answer=ModelExamination | MediaExamination,
            problems=(404, 409),
        ),
    )
    async def test(request: _Request, name: FromPath[str]) -> ModelExamination | MediaExamination:
        registry = service.chains.models
        if not can_be_examined(service.settings, registry, name):
            raise HTTPException(status_code=404, detail="console.models_unknown")
        try:
            return await examine_model(service.settings, registry, name, words_for(request))
        except SettingsInvalid as error:
            raise HTTPException(status_code=409, detail="; ".join(error.problems)) from error

    @get("/models/{name:str}", permission=Permission.EDIT_MODELS, **describe(answer=ModelSettings, problems=(404,)))
    async def show(name: FromPath[str]) -> Response[bytes]:
        return await found(name)

    @put(
        "/models/{name:str}",
        permission=Permission.EDIT_MODELS,
        **describe(
            body=ModelChange,
            answer=ModelSettings,
            problems=(404, 412, 422, 428),
            headers=("If-Match", "If-None-Match"),
        ),
    )
    async def change(request: _Request, name: FromPath[str]) -> Response[bytes]:
        asked = await from_body(ModelChange, request)
        seen = seen_mark(request)
        if not seen and name in service.settings.models:
            raise HTTPException(status_code=412, detail="console.models_taken")
        if seen and name not in service.settings.models:
            raise HTTPException(status_code=404, detail="console.models_unknown")
        given = asked.model_dump(include=asked.model_fields_set - {"api_key", "options"})
        edit = ModelEdit(name, given, asked.api_key, asked.options)
        mark = seen or await asyncio.to_thread(mark_of, service.loaded.source)
        with _problems():
            in_use = await change_model(service, edit, seen=mark, by=name_of(request), words=words_for(request))
        return await found(name, waiting=not in_use)

    @delete(
        "/models/{name:str}",
        permission=Permission.EDIT_MODELS,
        **describe(problems=(404, 412, 422, 428), headers=("If-Match",)),
    )
    async def remove(request: _Request, name: FromPath[str]) -> None:
        seen = seen_mark(request)
        if name not in service.settings.models:
            raise HTTPException(status_code=404, detail="console.models_unknown")
        with _problems():
            await drop_model(service, name, seen=seen, by=name_of(request), words=words_for(request))

    async def found(name: str, *, waiting: bool = False) -> Response[bytes]:
        model = await model_settings(service, name, waiting=waiting)
        if model is None:
            raise HTTPException(status_code=404, detail="console.models_unknown")
        return answer_json(model, etag=model.etag)

    return [models, test, show, change, remove]


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except ModelEditConflict as error:
        raise HTTPException(status_code=412, detail="; ".join(error.problems)) from error
    except SettingsInvalid as error:
        raise HTTPException(status_code=422, detail="; ".join(error.problems)) from error
