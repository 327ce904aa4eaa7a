"""An uploaded file, read from its multipart body as narrowly as WeCom reads it."""

import re

from adapters.simulator.platform.errcodes import ApiError

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="?([^";]*)"?', re.IGNORECASE)
_FILENAME = re.compile(rb'[;\s]filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


def read_upload(body: bytes, content_type: str) -> tuple[str, bytes]:
    """Return the name and the bytes of the part `media`.

    Refuses with 44001 when there is none. A name only written as `filename*=` (RFC 2231) counts as none: WeCom
    does not know that form and sees no file (wecom-protocol.md 5).
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None or "multipart/form-data" not in content_type.lower():
        raise ApiError(44001)
    line = b"\r\n--" + (boundary[1] or boundary[2]).encode()
    for part in (b"\r\n" + body).split(line)[1:]:
        head, gap, data = part.partition(b"\r\n\r\n")
        disposition = _disposition(head)
        name, filename = _NAME.search(disposition), _FILENAME.search(disposition)
        if gap and name is not None and name[1] == b"media" and filename is not None:
            return filename[1].decode(errors="replace"), data
    raise ApiError(44001)


def _disposition(head: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            return value
    return b""
