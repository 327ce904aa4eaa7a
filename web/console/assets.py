"""The files the pages load, all of them shipped: nothing comes from another machine."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from web.security.roles import Permission

_Request = Request[Any, Any, Any]

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, a mark that changes with its content, and the file packed by gzip."""

    data: bytes
    mime: str
    mark: str
    packed: bytes


def _read() -> Mapping[str, Asset]:
    found: dict[str, Asset] = {}
    for folder in page_folders():
        for file in files("web.console").joinpath(folder).iterdir():
            ending = f".{file.name.rpartition('.')[2]}"
            if ending not in _TYPES:
                continue
            if file.name in found:
                raise LookupError(f"web/console/{folder}/{file.name}: another page has a file of this name")
            data = file.read_bytes()
            mark = hashlib.sha256(data).hexdigest()[:12]
            # Without a time in its head: the same file is packed to the same bytes in every process.
            found[file.name] = Asset(data, _TYPES[ending], mark, gzip.compress(data, mtime=0))
    return found


def page_folders() -> tuple[str, ...]:
    """Return the folders of the pages: each holds its routes, templates, scripts and styles."""
    folders = (each.name for each in files("web.console").iterdir() if each.is_dir())
    return tuple(sorted(name for name in folders if not name.startswith((".", "_"))))


# Read once, when the console is imported: files are not for the event loop.
_ASSETS = _read()


def address_of(name: str) -> str:
    """Return the address of an asset; with new content it is a new one."""
    return f"/console/static/{name}?{_ASSETS[name].mark}"


# Open: the page on which one signs in loads them, and they are in every copy of webot.
@get("/static/{name:str}", sync_to_thread=False, permission=Permission.OPEN)
def _asset(request: _Request, name: FromPath[str]) -> Response[bytes]:
    asset = _ASSETS.get(name)
    if asset is None:
        raise HTTPException(status_code=404, detail="console.no_asset")
    # A browser asks again only for an address it has not seen.
    lasting = request.url.query == asset.mark
    cache = "private, max-age=31536000, immutable" if lasting else "no-cache"
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    if not _takes_gzip(request):
        return Response(asset.data, media_type=asset.mime, headers=headers)
    return Response(asset.packed, media_type=asset.mime, headers=headers | {"Content-Encoding": "gzip"})


def _takes_gzip(request: _Request) -> bool:
    codings = (part.strip() for part in request.headers.get("accept-encoding", "").split(","))
    return any(coding == "gzip" or (coding.startswith("gzip;") and not coding.endswith("=0")) for coding in codings)


def asset_routes() -> list[HTTPRouteHandler]:
    """Return the route of the assets."""
    return [_asset]
