"""Callback bodies and what was in them, read from XML or JSON into fields; hostile input is refused, never obeyed."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from xml.parsers import expat

import xmltodict

from pipeline.errors import BadCallback

Fields = Mapping[str, Any]
"""Element names to their text, to nested fields, to None when empty, or to a list of these when repeated."""

BODY_LIMIT = 64 * 1024
"""Bytes a callback's body may have: WeCom's own have a few thousand."""

UNREADABLE = -40002

_ELEMENT_LIMIT = 2000
# Legal in what people type, illegal in XML 1.0: a message is worth more than its vertical tab.
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r"))
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Refused(ValueError):
    """The document uses something no callback needs."""


def encrypted_part(body: bytes, *, limit: int = BODY_LIMIT) -> str:
    """Return the `Encrypt` of a callback body; the unsigned rest of it is not looked at.

    Raises `BadCallback` -40002, with HTTP status 413 for a body over the limit.
    """
    if len(body) > limit:
        raise BadCallback(f"a body of {len(body)} bytes", code=UNREADABLE, status=413, reason="too_large")
    fields = _document(body)
    encrypted = fields.get("Encrypt")
    if encrypted is None:
        # Tencent's JSON samples write lower case.
        encrypted = next((value for name, value in fields.items() if name.lower() == "encrypt"), None)
    if not isinstance(encrypted, str):
        raise BadCallback("no Encrypt in the body", code=UNREADABLE, status=400)
    return encrypted.strip()


def message_fields(message: bytes) -> Fields:
    """Read a decrypted message, its text kept to the last space; control characters are left out.

    Raises `BadCallback` -40002.
    """
    legal = message.translate(None, _CONTROLS).replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")
    return _document(legal)


def legal_text(text: str) -> str:
    """Return a text without what XML 1.0 and databases refuse: control characters and lone surrogates."""
    return _ILLEGAL.sub("", text)


def _document(data: bytes) -> Fields:
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    try:
        if start.startswith(b"<"):
            root = _from_xml(start)
        elif start.startswith(b"{"):
            root = _from_json(start)
        else:
            raise _Refused("neither XML nor JSON")
    # An unknown encoding is a LookupError; deep JSON ends in a RecursionError.
    except (ValueError, LookupError, RecursionError, expat.ExpatError) as error:
        # Chained, the cause would carry what was said into a traceback; of errors only our own say nothing of it.
        reason = error if isinstance(error, _Refused) else type(error).__name__
        raise BadCallback(f"not readable: {reason}", code=UNREADABLE, status=400) from None
    if not isinstance(root, dict):
        raise BadCallback("no fields in the document", code=UNREADABLE, status=400)
    return root


def _from_json(data: bytes) -> object:
    # Numbers stay as they are written: a MsgId is a name, and 1e999 is nobody's latitude.
    return json.loads(data.decode("utf-8"), parse_int=str, parse_float=str, parse_constant=str)


def _from_xml(data: bytes) -> object:
    document = xmltodict.parse(
        data,
        encoding="utf-8",
        expat=_StrictExpat,
        strip_whitespace=False,
        xml_attribs=False,
        dict_constructor=_Ration(_ELEMENT_LIMIT),  # type: ignore[arg-type] # it calls it, class or not
    )
    (root,) = document.values()
    return root


class _Ration:
    """Makes xmltodict's dictionaries, a limited number of them.

    xmltodict asks for one at every element, which is the only place where a bomb of nested tags can be told to stop.
    """

    def __init__(self, left: int) -> None:
        self._left = left

    def __call__(self, pairs: Iterable[tuple[str, Any]] = ()) -> dict[str, Any]:
        self._left -= 1
        if self._left < 0:
            raise _Refused("too many elements")
        return dict(pairs)


class _StrictExpat:
    """Stands where xmltodict expects the module expat: its parsers take UTF-8 without a DOCTYPE and nothing else."""

    @staticmethod
    def ParserCreate(encoding: str | None, separator: str | None) -> expat.XMLParserType:  # noqa: N802 - expat's name
        parser = expat.ParserCreate(encoding, separator)
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.XmlDeclHandler = _only_utf8
        return parser


def _no_doctype(*_declaration: object) -> NoReturn:
    raise _Refused("a DOCTYPE")


def _only_utf8(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in {"utf-8", "utf8"}:
        raise _Refused("an encoding other than UTF-8")
