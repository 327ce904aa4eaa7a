"""Writes the OpenAPI document of the API out of its routes, with the schemas of what they take and answer."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from litestar.handlers import HTTPRouteHandler
from pydantic import TypeAdapter

from pipeline.text.i18n import Catalogue
from web.api.openapi.described import RouteDescription, description_of
from web.api.problems import PROBLEM
from web.console.pages import VERSION
from web.security.roles import ROLES, permission_of

PREFIX = "/api/v1"

_SUMMARIES = Catalogue("en")
_PARAMETER = re.compile(r"\{(\w+?)_?:\w+\}")
_REFERENCE = "#/components/schemas/{model}"
_Mode = Literal["validation", "serialization"]
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a request, in a sentence (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class _Operation:
    path: str
    method: str
    handler: HTTPRouteHandler
    described: RouteDescription

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def openapi_document(handlers: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """Return the document of some routes.

    Raises:
        LookupError: A route does not describe itself.
    """
    operations = list(_operations(handlers))
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(PREFIX + each.path, {})[each.method] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "webot",
            "version": VERSION,
            "description": "What the console does, for programs. A token of `webot token create` goes into the header "
            "`Authorization: Bearer …`; what is wrong comes as `application/problem+json` with a sentence.",
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"session": []}],
        "tags": [{"name": name} for name in sorted({_tag(each.path) for each in operations})],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token of `webot token create`."},
                "session": {"type": "apiKey", "in": "cookie", "name": "webot_session"},
            },
        },
    }


def _operations(handlers: Iterable[HTTPRouteHandler]) -> Iterator[_Operation]:
    for handler in handlers:
        for path in handler.paths:
            for method in handler.http_methods:
                yield _Operation(_PARAMETER.sub(r"{\1}", path), method.lower(), handler, description_of(handler))


def _schemas(operations: Sequence[_Operation]) -> tuple[dict[tuple[_Key, _Mode], Any], dict[str, Any]]:
    """Return the schema of each type by what it is for, and those that are shared."""
    wanted: list[tuple[_Key, _Mode, TypeAdapter[Any]]] = [(("problem", ""), "serialization", TypeAdapter(Problem))]
    for each in operations:
        described = each.described
        if described.body:
            wanted.append(((each.name, "body"), "validation", TypeAdapter(described.body)))
        answers = {0: described.answer, **(described.also or {})}
        wanted += [
            ((each.name, str(status)), "serialization", TypeAdapter(answer))
            for status, answer in answers.items()
            if answer is not None
        ]
    schemas, shared = TypeAdapter.json_schemas(wanted, ref_template=_REFERENCE)
    return schemas, dict(sorted(shared.get("$defs", {}).items()))


def _operation(each: _Operation, schemas: dict[tuple[_Key, _Mode], Any]) -> dict[str, Any]:
    described = each.described
    roles = [str(role) for role in ROLES if permission_of(each.handler) in ROLES[role]]
    found: dict[str, Any] = {
        "operationId": _operation_id(each),
        "summary": _SUMMARIES.text(f"api.{_operation_id(each)}"),
        "description": f"For the roles: {', '.join(roles)}.",
        "tags": [_tag(each.path)],
    }
    if parameters := [*_path_parameters(each), *_query_parameters(described), *_header_parameters(described)]:
        found["parameters"] = parameters
    if described.body:
        content = {"application/json": {"schema": schemas[(each.name, "body"), "validation"]}}
        found["requestBody"] = {"required": True, "content": content}
    found["responses"] = _responses(each, schemas)
    return found


def _responses(each: _Operation, schemas: dict[tuple[_Key, _Mode], Any]) -> dict[str, Any]:
    described = each.described
    good = {each.handler.status_code: (0, described.answer), **{s: (s, t) for s, t in (described.also or {}).items()}}
    found: dict[str, Any] = {}
    for status, (key, answer) in good.items():
        found[str(status)] = {"description": HTTPStatus(status).phrase}
        if answer is not None:
            json = key and key != HTTPStatus.PARTIAL_CONTENT
            media = "application/json" if json else described.media
            schema = schemas[(each.name, str(key)), "serialization"]
            found[str(status)]["content"] = {media: {"schema": schema}}
    problem = schemas[("problem", ""), "serialization"]
    for status in described.statuses_of_problems:
        content = {PROBLEM: {"schema": problem}}
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return dict(sorted(found.items()))


def _path_parameters(each: _Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", each.path)
    ]


def _query_parameters(described: RouteDescription) -> list[dict[str, Any]]:
    if described.query is None:
        return []
    model = described.query.model_json_schema()
    required = model.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in model["properties"].items()
    ]


def _header_parameters(described: RouteDescription) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}} for name in described.headers
    ]


def _operation_id(each: _Operation) -> str:
    words = [word for word in re.split(r"[/{}-]+", each.path) if word]
    return "_".join([each.method, *words])


def _tag(path: str) -> str:
    return path.split("/")[1]
