"""Files of a bot's chats: downloaded at once and decrypted, and what we send, uploaded in pieces.

An address is good for five minutes and whoever has it has the file: it is never logged, and leads to public addresses
over https alone, but where the bot itself is on this machine.
"""

import asyncio
import base64
import hashlib
import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from Crypto.Cipher import AES

from adapters.aibot.connection import AckMissing, BotConnection
from adapters.aibot.frames import BotFrame
from adapters.wecom.client.errors import error_for
from pipeline.errors import TryAgain, Undeliverable
from pipeline.net import cause_sentence, is_loopback_host
from pipeline.text.i18n import Sentence

LARGEST_FILE = 100 * 1024 * 1024
CHUNK_BYTES = 512 * 1024
MOST_CHUNKS = 100
SMALLEST_FILE = 5
LARGEST_UPLOAD = {"image": 10 * 1024 * 1024, "voice": 2 * 1024 * 1024, "file": 20 * 1024 * 1024}
UploadKind = Literal["image", "voice", "file"]

_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
_PIECE = 64 * 1024
_PADDING = 32
_OK = 200
_CHUNK_PAUSES = (0.5, 1.0)
_NAME_BYTES = 200


class _PublicAddresses(AbstractResolver):
    """Resolves names to addresses of the open internet, and refuses names that lead anywhere else."""

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name; `OSError` where one of them is not public."""
        found = await self._resolver.resolve(host, port, family)
        if not found or not all(is_public(each["host"]) for each in found):
            raise OSError("the name leads to an address that is not public")
        return found

    async def close(self) -> None:
        """Close nothing: threads of the loop do the work."""
        await self._resolver.close()


def is_public(host: str) -> bool:
    """Whether an address belongs to the open internet."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


async def download(url: str, aes_key: str, *, proxy: str = "", local: bool = False) -> tuple[bytes, str]:
    """Return a file somebody sent, and its name; `local` lets it come from this machine.

    Raises `Undeliverable` for one that cannot be had, and `TryAgain` while its server does not answer.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise Undeliverable(Sentence("reason.file_no_address")) from None
    at_home = local and is_loopback_host(host)
    if not host or parts.username or not (parts.scheme == "https" or (parts.scheme == "http" and at_home)):
        raise Undeliverable(Sentence("reason.file_no_https"))
    if not at_home and _is_address(host) and not is_public(host):
        raise Undeliverable(Sentence("reason.file_not_public"))
    connector = aiohttp.TCPConnector(resolver=None if at_home or proxy else _PublicAddresses(), limit=4)
    session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=False, auto_decompress=False)
    try:
        async with (
            session as client,
            client.get(url, proxy=None if at_home else proxy or None, allow_redirects=False) as answer,
        ):
            if answer.status != _OK:
                raise Undeliverable(Sentence("reason.file_status", status=answer.status))
            data = bytearray()
            async for piece in answer.content.iter_chunked(_PIECE):
                data += piece
                if len(data) > LARGEST_FILE + _PADDING:
                    raise Undeliverable(Sentence("reason.file_over_100"))
            name = file_name(answer.headers.get("content-disposition", ""))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        # Their words may hold the address.
        raise TryAgain(Sentence("reason.download_broke", said=cause_sentence(error)), after=2) from None
    return await asyncio.to_thread(decrypt, bytes(data), aes_key), name


def decrypt(data: bytes, aes_key: str) -> bytes:
    """Return a downloaded file in the clear. Raises `Undeliverable` for one that does not fit its key."""
    try:
        key = base64.b64decode(aes_key + "=" * (-len(aes_key) % 4))
    except ValueError:
        key = b""
    if len(key) != AES.key_size[-1]:
        raise Undeliverable(Sentence("reason.file_no_key"))
    if not data or len(data) % AES.block_size:
        raise Undeliverable(Sentence("reason.file_no_blocks"))
    plain = AES.new(key, AES.MODE_CBC, iv=key[: AES.block_size]).decrypt(data)
    padding = plain[-1]
    if not 1 <= padding <= _PADDING or plain[-padding:] != bytes([padding]) * padding:
        raise Undeliverable(Sentence("reason.file_other_key"))
    return plain[:-padding]


def file_name(disposition: str) -> str:
    """Return the name a download gives its file, without a path; empty for none."""
    found = re.search(r"filename\*\s*=\s*UTF-8''([^;\s]{1,1000})", disposition, re.IGNORECASE)
    if found is not None:
        name = unquote(found[1])
    else:
        plain = re.search(r'filename\s*=\s*"?([^";]{1,1000})', disposition, re.IGNORECASE)
        name = _decoded(plain[1].strip()) if plain is not None else ""
    return re.sub(r"[\x00-\x1f\x7f]", "", re.split(r"[/\\]", name)[-1]).strip(" .")[:120]


def _decoded(name: str) -> str:
    """Return a name whose bytes stand in the header as they are: what is no UTF-8 is most likely GBK."""
    data = name.encode("utf-8", "surrogateescape")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


async def upload(connection: BotConnection, kind: UploadKind, data: bytes, name: str) -> str:
    """Return the media id of a file that was uploaded. Raises as `error_for` says, `NotConnected` and `TryAgain`."""
    if not SMALLEST_FILE <= len(data) <= LARGEST_UPLOAD[kind]:
        raise Undeliverable(Sentence("reason.bot_size", kind=kind, size=len(data)))
    pieces = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)]
    begun = await _asked(
        connection,
        "aibot_upload_media_init",
        {
            "type": kind,
            "filename": _short(name),
            "total_size": len(data),
            "total_chunks": len(pieces),
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        },
    )
    upload_id = _field(begun, "upload_id")
    await _send_chunks(connection, upload_id, pieces)
    return _field(await _asked(connection, "aibot_upload_media_finish", {"upload_id": upload_id}), "media_id")


async def _send_chunks(connection: BotConnection, upload_id: str, pieces: Sequence[bytes]) -> None:
    for index, piece in enumerate(pieces):
        body = {"upload_id": upload_id, "chunk_index": index, "base64_data": base64.b64encode(piece).decode()}
        for pause in (*_CHUNK_PAUSES, None):
            try:
                await _asked(connection, "aibot_upload_media_chunk", body)
                break
            except (TryAgain, Undeliverable):
                if pause is None:
                    raise
                await asyncio.sleep(pause)


async def _asked(connection: BotConnection, cmd: str, body: dict[str, Any]) -> BotFrame:
    try:
        answer = await connection.call(cmd, body, within=30.0)
    except AckMissing:
        raise TryAgain(Sentence("reason.not_answered", cmd=cmd), after=2) from None
    if answer.errcode:
        raise error_for(answer.errcode, answer.errmsg)
    return answer


def _field(answer: BotFrame, name: str) -> str:
    value = answer.body.get(name)
    if not isinstance(value, str) or not value:
        raise TryAgain(Sentence("reason.answer_lacks", name=name), after=5)
    return value


def _short(name: str) -> str:
    """Return a name of few enough bytes, its ending kept."""
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > _NAME_BYTES // 4:
        stem, ending = name, ""
    room = _NAME_BYTES - len(f"{dot}{ending}".encode()) if ending else _NAME_BYTES
    short = stem.encode()[:room].decode(errors="ignore")
    return f"{short}.{ending}" if ending else short or "file"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
