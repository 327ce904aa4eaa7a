"""WeCom's HTTP API for one app: what webot asks of it, with every refusal turned into an error of ours."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.wecom.client.cache import Cache
from adapters.wecom.client.errors import NO_MENU, STALE_TOKEN
from adapters.wecom.client.http import ApiResponse, QyapiHttp, UploadFile
from adapters.wecom.client.media import LARGEST, MediaKind, check_size, clean_name
from adapters.wecom.client.menu import menu_body
from adapters.wecom.client.tokens import AccessTokens
from pipeline.errors import TryAgain, Undeliverable
from pipeline.ports import Profile
from pipeline.settings import MenuButton
from pipeline.text.i18n import Sentence

_DOWNLOAD_LIMIT = LARGEST["file"]


@dataclass(frozen=True, slots=True)
class Agent:
    """What WeCom knows of the app."""

    name: str
    closed: bool
    reports_entering: bool
    reports_location: bool


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that WeCom gave us, with the name it gave it."""

    data: bytes
    name: str


class WeComApi:
    """One self-built application's view of qyapi.

    Every method raises `TryAgain` and `Undeliverable` as `adapters/wecom/client/errors.py` says.
    """

    def __init__(
        self,
        http: QyapiHttp,
        *,
        corp_id: str,
        secret: str,
        agent_id: int,
        cache: Cache,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._corp_id = corp_id
        self._secret = secret
        self._agent_id = agent_id
        fingerprint = hashlib.sha256(f"{corp_id}\n{secret}".encode()).hexdigest()[:16]
        key = f"token/{http.base}/{corp_id}/{agent_id}/{fingerprint}"
        self._tokens = AccessTokens(cache, key, self._fetch_token, clock=clock)

    async def send_text(self, user: str, text: str) -> str:
        """Send one message of plain words; returns WeCom's message id."""
        return await self._send(user, "text", {"content": text})

    async def send_markdown(self, user: str, text: str) -> str:
        """Send one message in WeCom's markdown; returns WeCom's message id."""
        return await self._send(user, "markdown", {"content": text})

    async def send_media(self, user: str, kind: MediaKind, media_id: str) -> str:
        """Send one uploaded file; returns WeCom's message id. `MediaExpired` asks for a new upload."""
        return await self._send(user, kind, {"media_id": media_id})

    async def upload(self, kind: MediaKind, data: bytes, *, name: str, mime: str) -> str:
        """Upload a file for three days; returns its media id. People see the name."""
        check_size(kind, len(data))
        file = UploadFile(clean_name(name), data, mime)
        answer = await self._call("media/upload", {"type": kind}, file=file)
        return _named(answer, "media_id")

    async def download(self, media_id: str) -> Downloaded:
        """Fetch what a person sent, at most 20 MB of it."""
        answer = await self._with_token(
            lambda token: self._http.download(
                "media/get", {"access_token": token, "media_id": media_id}, _DOWNLOAD_LIMIT
            )
        )
        answer.check()
        return Downloaded(answer.data, clean_name(answer.name) if answer.name else "")

    async def user(self, user: str) -> Profile:
        """Return a member."""
        answer = await self._call("user/get", {"userid": user})
        departments = answer.fields.get("department")
        return Profile(
            name=str(answer.fields.get("name", "")),
            departments=tuple(number for number in departments if isinstance(number, int))
            if isinstance(departments, list)
            else (),
        )

    async def agent(self) -> Agent:
        """Return the app itself. One call that proves the token, the agent id and the list of trusted addresses."""
        fields = (await self._call("agent/get", {"agentid": str(self._agent_id)})).fields
        return Agent(
            name=str(fields.get("name", "")),
            closed=bool(fields.get("close")),
            reports_entering=bool(fields.get("isreportenter")),
            reports_location=bool(fields.get("report_location_flag")),
        )

    async def create_menu(self, buttons: Sequence[MenuButton]) -> None:
        """Return the app this menu in place of any it has."""
        await self._call("menu/create", {"agentid": str(self._agent_id)}, body=menu_body(buttons))

    async def menu(self) -> Sequence[Mapping[str, Any]]:
        """Return the app's menu as WeCom writes it; nothing if it has none."""
        answer = await self._call("menu/get", {"agentid": str(self._agent_id)}, accept=NO_MENU)
        buttons = answer.fields.get("button")
        return [button for button in buttons if isinstance(button, dict)] if isinstance(buttons, list) else []

    async def delete_menu(self) -> None:
        """Delete the app's menu."""
        await self._call("menu/delete", {"agentid": str(self._agent_id)})

    async def recall(self, message_id: str) -> None:
        """Recall a message of the last 24 hours; it disappears from WeCom's own client only."""
        await self._call("message/recall", {}, body={"msgid": message_id})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, user: str, kind: str, content: Mapping[str, str]) -> str:
        body = {
            "touser": user,
            "msgtype": kind,
            "agentid": self._agent_id,
            kind: content,
            # WeCom would swallow an honest answer that happens to equal the last one.
            "enable_duplicate_check": 0,
        }
        answer = await self._call("message/send", {}, body=body)
        # WeCom says 0 as long as anybody of the list was reached; ours is a list of one, in any case of letters.
        if user.casefold() in _users(answer.fields.get("invaliduser")):
            raise Undeliverable(Sentence("wecom.knows_no_user", user=user))
        if user.casefold() in _users(answer.fields.get("unlicenseduser")):
            raise Undeliverable(Sentence("wecom.user_without_licence", user=user), alert=True)
        return str(answer.fields.get("msgid", ""))

    async def _call(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
        file: UploadFile | None = None,
        accept: int = 0,
    ) -> ApiResponse:
        answer = await self._with_token(
            lambda token: self._http.call(path, {"access_token": token, **query}, body=body, file=file)
        )
        if answer.errcode != accept:
            answer.check()
        return answer

    async def _with_token(self, ask: Callable[[str], Awaitable[ApiResponse]]) -> ApiResponse:
        token = await self._tokens.current()
        answer = await ask(token.value)
        if answer.errcode in STALE_TOKEN:
            fresh = await self._tokens.renewed(token)
            answer = await ask(fresh.value)
        return answer

    async def _fetch_token(self) -> tuple[str, int]:
        answer = await self._http.call("gettoken", {"corpid": self._corp_id, "corpsecret": self._secret})
        answer.check()
        expires_in = answer.fields.get("expires_in")
        return _named(answer, "access_token"), expires_in if isinstance(expires_in, int) else 0


def _named(answer: ApiResponse, name: str) -> str:
    value = answer.fields.get(name)
    if not isinstance(value, str) or not value:
        raise TryAgain(Sentence("wecom.lacks", path=answer.path, name=name), after=5)
    return value


def _users(listed: object) -> frozenset[str]:
    return frozenset(str(listed or "").casefold().split("|"))
