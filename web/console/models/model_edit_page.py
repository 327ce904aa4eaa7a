"""Adds a model, changes or removes one, by a form; the service takes it over while it runs."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import tomlkit
from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect
from pydantic import SecretStr

from chains.media.services import is_configured
from chains.models.providers import PROVIDERS
from chains.models.tables import NOT_CHAT, OURS
from pipeline.errors import SettingsInvalid
from web.console.pages import page, path_of, words_for
from web.operator.chains.overview import open_workspace
from web.operator.models.model_changes import (
    ModelSettings,
    answering_chains,
    change_model,
    drop_model,
    model_settings,
    new_model,
)
from web.operator.models.model_editing import ModelEdit, ModelEditConflict, mark_of, uses_of
from web.operator.models.model_values import (
    COUNTS,
    LISTS,
    NUMBERS,
    SWITCHES,
    TEXTS,
    read_number,
    read_options,
    read_value,
)
from web.security.auditing import name_of
from web.security.roles import Permission
from web.settings.settings_edit import Value
from web.wiring import Service

_Request = Request[Any, Any, Any]

_LONGEST = 1000
_LONGEST_OPTIONS = 20_000
_COMMON_OPTIONS = ("temperature", "max_tokens")
"""Options with a field of their own; the others are lines of TOML."""
_TEXT_OPTIONS = {"image": ("size", "quality"), "speech": ("language", "speaking_model", "voice")}
"""The same of the tables that no chain asks, whose options are texts."""


def model_edit_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/models/new", permission=Permission.EDIT_MODELS)
    async def begin(request: _Request) -> Response[str]:
        return await _form(request, await _new())

    @get("/models/{name:str}/edit", permission=Permission.EDIT_MODELS)
    async def show(request: _Request, name: FromPath[str]) -> Response[str]:
        return await _form(request, await _found(name))

    @post("/models/new", permission=Permission.EDIT_MODELS, status_code=200)
    async def add(request: _Request) -> Response[Any]:
        form = dict(await request.form())
        name = str(form.get("name", "")).strip()
        if name in service.settings.models:
            raise HTTPException(status_code=409, detail="console.models_taken")
        return await _save(request, await _new(), name, form)

    @post("/models/{name:str}/edit", permission=Permission.EDIT_MODELS, status_code=200)
    async def change(request: _Request, name: FromPath[str]) -> Response[Any]:
        return await _save(request, await _found(name), name, dict(await request.form()))

    @post("/models/{name:str}/remove", permission=Permission.EDIT_MODELS, status_code=200)
    async def remove(request: _Request, name: FromPath[str]) -> Response[Any]:
        model = await _found(name)
        seen = str((await request.form()).get("mark", ""))
        try:
            gone = await drop_model(service, name, seen=seen, by=name_of(request), words=words_for(request))
        except SettingsInvalid as error:
            return await _form(request, model, problems=error.problems, status=_status_of(error))
        return Redirect(path_of(request)("/models", **{"removed" if gone else "waiting": name}), status_code=303)

    async def _new() -> ModelSettings:
        return new_model(await asyncio.to_thread(mark_of, service.loaded.source))

    async def _found(name: str) -> ModelSettings:
        model = await model_settings(service, name)
        if model is None and name in NOT_CHAT:
            model = replace(await _new(), name=name)
        if model is None:
            raise HTTPException(status_code=404, detail="console.models_unknown")
        return model

    async def _save(request: _Request, model: ModelSettings, name: str, form: dict[str, Any]) -> Response[Any]:
        # Hidden at once: what an error shows of the values around it must not show the key.
        key = SecretStr(str(form.pop("api_key", "")).strip()[:_LONGEST])
        values: Mapping[str, Value] = {}
        try:
            values = _values(form)
            edit = ModelEdit(name, values, key, _options(form, model))
            seen = str(form.get("mark", ""))
            in_use = await change_model(service, edit, seen=seen, by=name_of(request), words=words_for(request))
        except SettingsInvalid as error:
            return await _form(
                request,
                model,
                typed=form,
                values={**model.values, **values},
                problems=error.problems,
                status=_status_of(error),
            )
        return Redirect(path_of(request)("/models", **{"saved" if in_use else "waiting": name}), status_code=303)

    async def _form(
        request: _Request,
        model: ModelSettings,
        *,
        typed: Mapping[str, Any] | None = None,
        values: Mapping[str, Value] | None = None,
        problems: tuple[str, ...] | list[str] = (),
        status: int = 200,
    ) -> Response[str]:
        own_fields = _own_fields(model.name)
        others = {key: value for key, value in model.options.items() if key not in own_fields}
        shown = {f"option_{key}": str(model.options.get(key, "")) for key in own_fields}
        shown |= {"options": tomlkit.dumps(others), "name": model.name}
        chains = answering_chains(await open_workspace(service)) if model.name else []
        return page(
            "model_edit.html",
            request,
            status=status,
            tab="models",
            name=model.name,
            model=model,
            values=values or model.values,
            typed={**shown, **{key: str(value) for key, value in (typed or {}).items() if key in shown}},
            problems=problems,
            uses=uses_of(service.settings, model.name, chains) if model.name else (),
            providers=sorted(OURS if model.name in NOT_CHAT else {*OURS, *PROVIDERS}),
            answers_people=model.name not in NOT_CHAT,
            own_fields=own_fields,
            is_set=model.name not in NOT_CHAT or is_configured(service.settings, model.name),
            others=[each for each in service.chains.models.names if each != model.name],
            currency=service.settings.budgets.currency,
        )

    return [begin, show, add, change, remove]


def _own_fields(name: str) -> tuple[str, ...]:
    return _TEXT_OPTIONS.get(name, _COMMON_OPTIONS)


def _status_of(error: SettingsInvalid) -> int:
    return 409 if isinstance(error, ModelEditConflict) else 422


def _values(form: Mapping[str, Any]) -> dict[str, Value]:
    """Read the form; fields that it lacks, because a variable sets them, are left alone."""
    given = {key: str(value).strip()[:_LONGEST] for key, value in form.items()}
    typed = (*TEXTS, *LISTS, *COUNTS, *NUMBERS)
    values = {key: read_value(key, given[key]) for key in typed if key in given}
    return values | {key: given.get(key) == "on" for key in SWITCHES if f"{key}_shown" in given}


def _options(form: Mapping[str, Any], model: ModelSettings) -> dict[str, Value | None]:
    """Read the options; one that is shown and no longer given shall go."""
    given: dict[str, Value | None] = {}
    if "options" in form:
        gone = model.options.keys() - set(_own_fields(model.name))
        given = dict.fromkeys(sorted(gone)) | read_options(str(form["options"])[:_LONGEST_OPTIONS])
    for key in _own_fields(model.name):
        if f"option_{key}" not in form:
            continue
        text = str(form[f"option_{key}"]).strip()[:_LONGEST]
        if model.name not in NOT_CHAT:
            given[key] = read_number(text) if text else None
        elif text or key in model.options:
            # An empty text leaves it to the provider, and stands in settings.toml.
            given[key] = text
    return given
