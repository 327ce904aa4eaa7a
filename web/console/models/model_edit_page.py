"""Adds a model or changes one, by a form; the service takes it over while it runs."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect
from pydantic import SecretStr

from chains.models.providers import PROVIDERS
from chains.models.tables import NOT_CHAT, OURS
from pipeline.errors import SettingsInvalid
from pipeline.settings import ModelTable
from pipeline.text.i18n import Sentence
from web.console.pages import page, path_of, words_for
from web.operator.model_editing import (
    LISTS,
    NUMBERS,
    SWITCHES,
    TEXTS,
    ModelEdit,
    ModelEditConflict,
    mark_of,
    overridden_keys,
    values_of,
    write_model,
)
from web.security.auditing import audit
from web.security.roles import Permission
from web.settings.loading import Loaded
from web.settings.settings_edit import Value
from web.wiring import Service

_Request = Request[Any, Any, Any]

_LONGEST = 1000
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 8.0


def model_edit_pages(service: Service) -> list[HTTPRouteHandler]:
    """Make the routes."""

    @get("/models/new", permission=Permission.EDIT_MODELS)
    async def begin(request: _Request) -> Response[str]:
        return await _form(request, "", values_of(ModelTable(timeout=120.0)))

    @get("/models/{name:str}/edit", permission=Permission.EDIT_MODELS)
    async def show(request: _Request, name: FromPath[str]) -> Response[str]:
        return await _form(request, name, values_of(_table(name)))

    @post("/models/new", permission=Permission.EDIT_MODELS, status_code=200)
    async def add(request: _Request) -> Response[Any]:
        form = dict(await request.form())
        name = str(form.get("name", "")).strip()
        if name in service.settings.models:
            raise HTTPException(status_code=409, detail="console.models_taken")
        return await _save(request, name, form, is_new=True)

    @post("/models/{name:str}/edit", permission=Permission.EDIT_MODELS, status_code=200)
    async def change(request: _Request, name: FromPath[str]) -> Response[Any]:
        _table(name)
        return await _save(request, name, dict(await request.form()), is_new=False)

    def _table(name: str) -> ModelTable:
        if name in NOT_CHAT or name not in service.settings.models:
            raise HTTPException(status_code=404, detail="console.models_unknown")
        return service.settings.models[name]

    async def _save(request: _Request, name: str, form: dict[str, Any], *, is_new: bool) -> Response[Any]:
        # Hidden at once: what an error shows of the values around it must not show the key.
        key = SecretStr(str(form.pop("api_key", "")).strip()[:_LONGEST])
        before, words, former = service.loaded, words_for(request), service.chains.models
        values: Mapping[str, Value] = {}
        try:
            values = _values(form)
            edit = ModelEdit(name, values, key)
            seen = str(form.get("mark", ""))
            changed = await asyncio.to_thread(write_model, before, edit, seen=seen, words=words, former=former)
        except SettingsInvalid as error:
            status = 409 if isinstance(error, ModelEditConflict) else 422
            shown = {**values_of(ModelTable() if is_new else _table(name)), **values}
            return await _form(
                request, "" if is_new else name, shown, new_name=name, problems=error.problems, status=status
            )
        if changed:
            await audit(service.database, request, "model_edit", {"model": name, "keys": sorted(changed)})
            await _taken_over(service, before)
        outcome = "waiting" if changed and service.loaded is before else "saved"
        return Redirect(path_of(request)("/models", **{outcome: name}), status_code=303)

    async def _form(
        request: _Request,
        name: str,
        values: Mapping[str, Value],
        *,
        new_name: str = "",
        problems: tuple[str, ...] | list[str] = (),
        status: int = 200,
    ) -> Response[str]:
        loaded = service.loaded
        return page(
            "model_edit.html",
            request,
            status=status,
            tab="models",
            name=name,
            new_name=new_name,
            values=values,
            problems=problems,
            mark=await asyncio.to_thread(mark_of, loaded.source),
            vain=overridden_keys(loaded, name) if name else {},
            has_key=bool(name and service.settings.models[name].key),
            providers=sorted({*OURS, *PROVIDERS}),
            others=[each for each in service.chains.models.names if each != name],
            currency=service.settings.budgets.currency,
        )

    return [begin, show, add, change]


async def _taken_over(service: Service, before: Loaded) -> None:
    """Wait until the edit holds, which takes two looks at the files, or for some seconds."""
    try:
        # The watcher tells nobody.
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while service.loaded is before and not service.edit.refused:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return


def _values(form: Mapping[str, Any]) -> dict[str, Value]:
    """Read the form; fields that it lacks, because a variable sets them, are left alone."""
    given = {key: str(value).strip()[:_LONGEST] for key, value in form.items()}
    values: dict[str, Value] = {key: given[key] for key in TEXTS if key in given}
    values |= {key: _names(given[key]) for key in LISTS if key in given}
    values |= {key: _number(given[key]) for key in NUMBERS if key in given}
    values |= {key: given.get(key) == "on" for key in SWITCHES if f"{key}_shown" in given}
    return values


def _names(text: str) -> list[str]:
    return text.replace("，", ",").replace(",", " ").split()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsInvalid([Sentence("console.models_no_number", found=text)]) from None
