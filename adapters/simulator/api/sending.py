"""What `message/send` and `message/recall` do to the phones (wecom-protocol.md 4)."""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

from adapters.simulator.api.request_checks import check_agent
from adapters.simulator.api.send_request import SendRequest, read_send_request
from adapters.simulator.platform.apps import App
from adapters.simulator.platform.directory import Member
from adapters.simulator.platform.errcodes import ApiError
from adapters.simulator.platform.state import Platform
from adapters.simulator.platform.timeline import Delivered, MediaLabel, Timeline

_RECALL_SECONDS = 24 * 3600
_REMEMBERED = 10_000

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class _Sent:
    app: tuple[str, int]
    at: float
    screens: tuple[Timeline, ...]


@dataclass(frozen=True, slots=True)
class _Receivers:
    members: tuple[Member, ...]
    bad_users: tuple[str, ...] = ()
    bad_parties: tuple[str, ...] = ()
    bad_tags: tuple[str, ...] = ()


class Sending:
    """Brings messages to phones and takes them back; remembers the latest, to know an equal one again."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._sent: OrderedDict[str, _Sent] = OrderedDict()
        self._seen: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._run = secrets.token_hex(6)

    def send(self, app: App, raw: bytes) -> dict[str, object]:
        """Run a `message/send` and return its answer."""
        order = read_send_request(raw)
        check_agent(order.agent_id, app.key, self._platform.apps)
        if order.shown.calls_back and not app.callback_url:
            raise ApiError(43012)
        labels = [self._media(app, kind, media_id) for kind, media_id in order.shown.media]
        receivers = self._receivers(order)
        if not receivers.members:
            raise ApiError(81013)
        digest = hashlib.sha256(b"%s %d %s" % (app.corp_id.encode(), app.agent_id, raw)).digest()
        msgid = self._swallowed(digest, order)
        if msgid is None:
            msgid = f"{self._run}{self._platform.number():010x}"
            _remember(self._seen, digest, (self._platform.clock(), msgid))
            self._deliver(app, order, receivers.members, labels, msgid)
        answer: dict[str, object] = {
            "errcode": 0,
            "errmsg": "ok",
            # In lower case, however they were written (wecom-protocol.md 4).
            "invaliduser": "|".join(receivers.bad_users).lower(),
            "invalidparty": "|".join(receivers.bad_parties),
            "invalidtag": "|".join(receivers.bad_tags),
            "msgid": msgid,
        }
        if order.shown.calls_back:
            answer["response_code"] = secrets.token_urlsafe(24)
        return answer

    def recall(self, app: App, msgid: object) -> None:
        """Recall a message. 40063 refuses an empty id, 40058 a foreign, an unknown and a day-old one."""
        if not msgid:
            raise ApiError(40063)
        sent = self._sent.get(msgid) if isinstance(msgid, str) else None
        if sent is None or sent.app != app.key or self._platform.clock() - sent.at >= _RECALL_SECONDS:
            raise ApiError(40058)
        for screen in sent.screens:
            screen.recall(str(msgid))

    def _media(self, app: App, kind: str, media_id: str) -> MediaLabel:
        label = self._platform.uploads.find(app.corp_id, media_id).label
        # A picture cannot be sent as a voice: the explanation of 40007 says that the type must fit.
        if label.type != kind:
            raise ApiError(40007)
        return label

    def _receivers(self, order: SendRequest) -> _Receivers:
        directory = self._platform.directory
        if order.users == ("@all",):
            return _Receivers(directory.everybody())
        members: dict[str, Member] = {}
        bad_users, bad_parties = [], []
        for user in order.users:
            member = directory.find(user)
            if member is None:
                bad_users.append(user)
            else:
                members[member.user] = member
        for party in order.parties:
            found = directory.in_department(party)
            members |= {member.user: member for member in found}
            if not found:
                bad_parties.append(party)
        # This corp has no tags.
        return _Receivers(tuple(members.values()), tuple(bad_users), tuple(bad_parties), order.tags)

    def _swallowed(self, digest: bytes, order: SendRequest) -> str | None:
        earlier = self._seen.get(digest)
        if earlier is None:
            return None
        self._platform.counts.repeated += 1
        at, msgid = earlier
        if self._platform.clock() - at >= order.swallow:
            return None
        self._platform.counts.swallowed += 1
        return msgid

    def _deliver(
        self, app: App, order: SendRequest, members: tuple[Member, ...], labels: list[MediaLabel], msgid: str
    ) -> None:
        now, counts, shown = self._platform.clock(), self._platform.counts, order.shown
        screens = tuple(self._platform.timeline(app, member.user) for member in members)
        _remember(self._sent, msgid, _Sent(app.key, now, screens))
        for member, screen in zip(members, screens, strict=True):
            if not screen.admits(now):
                counts.dropped += 1
                continue
            counts.delivered += 1
            counts.truncated += shown.sent != shown.text
            screen.show(
                Delivered(
                    number=self._platform.number(),
                    at=now,
                    corp_id=app.corp_id,
                    agent_id=app.agent_id,
                    user=member.user,
                    msgid=msgid,
                    type=order.type,
                    text=shown.text,
                    sent=shown.sent,
                    media=labels[0] if labels else None,
                    body=order.body,
                )
            )


def _remember(memory: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
