"""WeCom's server API as bytes in, bytes out: each route of `/cgi-bin` that a self-built application uses."""

import json
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from adapters.simulator.api.menus import read_menu
from adapters.simulator.api.multipart import read_upload
from adapters.simulator.api.request_checks import agent_number, check_agent, json_object
from adapters.simulator.api.sending import Sending
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.directory import Member
from adapters.simulator.platform.errcodes import ApiError, error_body
from adapters.simulator.platform.media import check_media
from adapters.simulator.platform.state import Platform

JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class SimulatedRequest:
    """A request; `route` is what follows /cgi-bin/, `query` is decoded once."""

    route: str
    method: str = "GET"
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = ""
    ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class SimulatedResponse:
    """An answer; `file` is the name under which a body that is a file is offered."""

    body: bytes
    content_type: str = JSON
    file: str = ""
    status: int = 200


ROUTES = (
    "agent/get",
    "get_api_domain_ip",
    "getcallbackip",
    "gettoken",
    "media/get",
    "media/upload",
    "menu/create",
    "menu/delete",
    "menu/get",
    "message/recall",
    "message/send",
    "user/get",
    "user/simplelist",
)
"""What follows /cgi-bin/ in a request that is answered."""

Fields = dict[str, object]
_OK: Fields = {"errcode": 0, "errmsg": "ok"}


class SimulatedApi:
    """The API over a `Platform`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._sending = Sending(platform)
        self._get: Mapping[str, Callable[[App, SimulatedRequest], Fields | SimulatedResponse]] = {
            "media/get": self._media_get,
            "menu/get": self._menu_get,
            "menu/delete": self._menu_delete,
            "user/get": self._user_get,
            "user/simplelist": self._user_simplelist,
            "agent/get": self._agent_get,
            "getcallbackip": self._ips,
            "get_api_domain_ip": self._ips,
        }
        self._post: Mapping[str, Callable[[App, SimulatedRequest], Fields | SimulatedResponse]] = {
            "message/send": self._message_send,
            "message/recall": self._message_recall,
            "media/upload": self._media_upload,
            "menu/create": self._menu_create,
        }

    def answer(self, asked: SimulatedRequest) -> SimulatedResponse:
        """Answer a request for one of `ROUTES`, as WeCom does: errors too are HTTP 200."""
        try:
            answer = self._answer(asked)
        except ApiError as refused:
            return self.refuse(refused.errcode, asked.ip)
        return answer if isinstance(answer, SimulatedResponse) else _response(answer)

    def refuse(self, errcode: int, ip: str) -> SimulatedResponse:
        """Answer with an error, and count it."""
        self._platform.counts.errors[errcode] += 1
        return _response(error_body(errcode, ip))

    def _answer(self, asked: SimulatedRequest) -> Fields | SimulatedResponse:
        if asked.route == "gettoken":
            return self._gettoken(asked)
        app = self._platform.caller(asked.query.get("access_token", ""))
        if asked.route in self._get:
            return self._get[asked.route](app, asked)
        # The explanation of 40063 names GET instead of POST as its usual cause.
        if asked.method != "POST":
            raise ApiError(40063)
        return self._post[asked.route](app, asked)

    def _gettoken(self, asked: SimulatedRequest) -> Fields:
        app = self._platform.login(asked.query.get("corpid", ""), asked.query.get("corpsecret", ""))
        token, seconds = self._platform.tokens.issue(app)
        return _OK | {"access_token": token, "expires_in": seconds}

    def _message_send(self, app: App, asked: SimulatedRequest) -> Fields:
        return self._sending.send(app, asked.body)

    def _message_recall(self, app: App, asked: SimulatedRequest) -> Fields:
        self._sending.recall(app, json_object(asked.body).get("msgid"))
        return _OK

    def _media_upload(self, app: App, asked: SimulatedRequest) -> Fields:
        kind = asked.query.get("type", "")
        name, data = read_upload(asked.body, asked.content_type)
        check_media(kind, data)
        media = self._platform.uploads.put(app.corp_id, kind, data, name=name)
        return _OK | {"type": kind, "media_id": media.label.media_id, "created_at": str(int(media.at))}

    def _media_get(self, app: App, asked: SimulatedRequest) -> SimulatedResponse:
        media_id = asked.query.get("media_id", "")
        if not media_id:
            raise ApiError(41006)
        media = self._platform.uploads.find(app.corp_id, media_id)
        # A picture from a phone has no name of its own: WeCom calls it MEDIA_ID.jpg (wecom-protocol.md 5).
        name = media.label.name or f"{media_id}{mimetypes.guess_extension(media.label.mime) or ''}"
        return SimulatedResponse(media.data, media.label.mime, file=name)

    def _menu_create(self, app: App, asked: SimulatedRequest) -> Fields:
        self._check_agent(app, asked)
        self._platform.menus[app.key] = read_menu(asked.body)
        return _OK

    def _menu_get(self, app: App, asked: SimulatedRequest) -> Fields:
        self._check_agent(app, asked)
        if app.key not in self._platform.menus:
            raise ApiError(46003)
        return _OK | {"button": self._platform.menus[app.key]}

    def _menu_delete(self, app: App, asked: SimulatedRequest) -> Fields:
        self._check_agent(app, asked)
        self._platform.menus.pop(app.key, None)
        return _OK

    def _agent_get(self, app: App, asked: SimulatedRequest) -> Fields:
        self._check_agent(app, asked)
        return _OK | {
            "agentid": app.agent_id,
            "name": app.name,
            "square_logo_url": "",
            "description": "",
            "allow_userinfos": {"user": [{"userid": member.user} for member in self._platform.directory.everybody()]},
            "allow_partys": {"partyid": [1]},
            "allow_tags": {"tagid": []},
            "close": 0,
            "redirect_domain": "",
            "report_location_flag": 0,
            "isreportenter": 1,
            "home_url": "",
        }

    def _user_get(self, _app: App, asked: SimulatedRequest) -> Fields:
        user = asked.query.get("userid", "")
        if not user:
            raise ApiError(41009)
        member = self._platform.directory.find(user)
        if member is None:
            raise ApiError(60111)
        return _OK | _brief(member) | {"position": "", "status": 1, "alias": ""}

    def _user_simplelist(self, _app: App, asked: SimulatedRequest) -> Fields:
        department = asked.query.get("department_id", "")
        if not department:
            raise ApiError(40063)
        members = self._platform.directory.in_department(department)
        if not members and department != "1":
            raise ApiError(60003)
        return _OK | {"userlist": [_brief(member) for member in members]}

    def _ips(self, _app: App, asked: SimulatedRequest) -> Fields:
        return _OK | {"ip_list": [asked.ip]}

    def _check_agent(self, app: App, asked: SimulatedRequest) -> None:
        check_agent(agent_number(asked.query.get("agentid", "")), app.key, self._platform.apps)


def _brief(member: Member) -> Fields:
    return {"userid": member.user, "name": member.name or member.user, "department": list(member.departments)}


def _response(fields: Fields) -> SimulatedResponse:
    return SimulatedResponse(json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace"))
