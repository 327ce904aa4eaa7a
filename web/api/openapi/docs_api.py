"""The API described: the OpenAPI document, and a page of it for people, made here and without a script."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from web.api.openapi.document import openapi_document
from web.console.pages import page
from web.security.roles import Permission

_Request = Request[Any, Any, Any]
_Operations = Sequence[tuple[str, str, Mapping[str, Any]]]


@dataclass(eq=False)
class LazyDocument:
    """The document of some routes, made when it is first asked for: few ask, and it takes a tenth of a second."""

    handlers: Sequence[HTTPRouteHandler]
    _made: Mapping[str, Any] | None = None

    async def get(self) -> Mapping[str, Any]:
        """Return the document."""
        if self._made is None:
            self._made = await asyncio.to_thread(openapi_document, self.handlers)
        return self._made


def document_api(document: LazyDocument) -> list[HTTPRouteHandler]:
    """Make the route of the document, which describes every route but this."""

    @get("/openapi.json", permission=Permission.READ_USAGE)
    async def openapi() -> Response[bytes]:
        written = json.dumps(await document.get(), ensure_ascii=False)
        return Response(written.encode(), media_type="application/json")

    return [openapi]


def docs_pages(document: LazyDocument) -> list[HTTPRouteHandler]:
    """Make the route of the page."""

    @get("/", permission=Permission.READ_USAGE)
    async def docs(request: _Request) -> Response[str]:
        described = await document.get()
        schemas = sorted(described["components"]["schemas"].items())
        return page("api_docs.html", request, tab="", groups=_groups(described), schemas=schemas)

    return [docs]


def _groups(document: Mapping[str, Any]) -> Sequence[tuple[str, _Operations]]:
    """Return the operations with method and path, by what they are of."""
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return sorted(found.items())
