"""What a `message/send` asks for, read and checked: limits and errors of wecom-protocol.md 4 and 7."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.simulator.api.request_checks import json_object
from adapters.simulator.platform.errcodes import ApiError

_WORDS = 2048
_TITLE = 128
_DESCRIPTION = 512
_URL = 2048
_AUTHOR = 64
_ARTICLE = 666 * 1024
_ARTICLES = 8
_USERS = 1000
_GROUPS = 100
_BUTTON = 4
_TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")
_SECONDS = 1800
_MOST_SECONDS = 4 * 3600

_INTERACTIVE = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})
_CARDS = _INTERACTIVE | {"text_notice", "news_notice"}


@dataclass(frozen=True, slots=True)
class VisibleMessage:
    """A message as far as it can be told from the request alone.

    `sent` holds the words as they came, `text` what is left of them; `media` pairs the type a media id must have
    with the id. `calls_back` is true for a card whose buttons report to the app.
    """

    text: str = ""
    sent: str = ""
    media: tuple[tuple[str, str], ...] = ()
    calls_back: bool = False


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A whole request; `users` is ("@all",) for everybody, `swallow` the seconds in which an equal one is dropped."""

    agent_id: object
    type: str
    body: Mapping[str, Any]
    shown: VisibleMessage
    users: tuple[str, ...]
    parties: tuple[str, ...]
    tags: tuple[str, ...]
    swallow: int


def read_send_request(raw: bytes) -> SendRequest:
    """Read a request's body, refusing what WeCom would."""
    asked = json_object(raw)
    kind = asked.get("msgtype")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ApiError(40008)
    users, parties, tags = _names(asked, "touser"), _names(asked, "toparty"), _names(asked, "totag")
    if not users and not parties and not tags:
        raise ApiError(82001)
    if len(users) > _USERS:
        raise ApiError(40032)
    if len(parties) > _GROUPS:
        raise ApiError(82002)
    if len(tags) > _GROUPS:
        raise ApiError(82003)
    body = asked.get(kind)
    if not isinstance(body, dict):
        raise ApiError(40063)
    return SendRequest(
        asked.get("agentid"), kind, body, _KINDS[kind](kind, body), users, parties, tags, _swallow_seconds(asked)
    )


def cut(text: str, size: int) -> str:
    """Keep the first `size` bytes, as WeCom does without a word; half a character at the end is not shown."""
    # A byte is the least a character has, so most texts need no encoding to be found short enough.
    if len(text) * 4 <= size:
        return text
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= size else encoded[:size].decode("utf-8", "ignore")


def _words(_kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    sent = body.get("content")
    if not isinstance(sent, str) or not sent.strip():
        raise ApiError(44004)
    return VisibleMessage(cut(sent, _WORDS), sent)


def _file(kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    return VisibleMessage(media=((kind, _media_id(body.get("media_id"))),))


def _video(kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    words = [cut(_text(body, "title"), _TITLE), cut(_text(body, "description"), _DESCRIPTION)]
    return VisibleMessage("\n".join(filter(None, words)), media=((kind, _media_id(body.get("media_id"))),))


def _textcard(_kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    title, description, url = (_needed(body, name) for name in ("title", "description", "url"))
    _check_url(url)
    if len(_text(body, "btntxt")) > _BUTTON:
        raise ApiError(40058)
    return VisibleMessage(f"{cut(title, _TITLE)}\n{cut(description, _DESCRIPTION)}", f"{title}\n{description}")


def _news(_kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    lines = []
    for article in _articles(body):
        _check_url(_text(article, "url"))
        lines += [cut(_needed(article, "title"), _TITLE), cut(_text(article, "description"), _DESCRIPTION)]
    return VisibleMessage("\n".join(filter(None, lines)))


def _mpnews(_kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    lines, pictures = [], []
    for article in _articles(body):
        if len(_text(article, "author").encode()) > _AUTHOR:
            raise ApiError(45032)
        if len(_needed(article, "content").encode()) > _ARTICLE:
            raise ApiError(45002)
        lines += [cut(_needed(article, "title"), _TITLE), cut(_text(article, "digest"), _DESCRIPTION)]
        pictures.append(("image", _media_id(article.get("thumb_media_id"))))
    return VisibleMessage("\n".join(filter(None, lines)), media=tuple(pictures))


def _miniprogram(_kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    _needed(body, "appid")
    return VisibleMessage(_needed(body, "title"))


def _card(_kind: str, body: Mapping[str, Any]) -> VisibleMessage:
    kind, task_id = body.get("card_type"), body.get("task_id")
    if not isinstance(kind, str) or kind not in _CARDS:
        raise ApiError(40058)
    if task_id is None and (kind in _INTERACTIVE or "action_menu" in body):
        raise ApiError(40063)
    if task_id is not None and not (isinstance(task_id, str) and _TASK_ID.fullmatch(task_id)):
        raise ApiError(40058)
    title = body.get("main_title")
    main = title if isinstance(title, dict) else {}
    words = (_text(main, "title"), _text(main, "desc"), _text(body, "sub_title_text"))
    return VisibleMessage("\n".join(filter(None, words)), calls_back=kind in _INTERACTIVE or "action_menu" in body)


_KINDS = {
    "text": _words,
    "markdown": _words,
    "image": _file,
    "voice": _file,
    "file": _file,
    "video": _video,
    "textcard": _textcard,
    "news": _news,
    "mpnews": _mpnews,
    "miniprogram_notice": _miniprogram,
    "template_card": _card,
}


def _names(asked: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = asked.get(field, "")
    if not isinstance(value, str):
        raise ApiError(40058)
    return tuple(name for name in value.split("|") if name)


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field, "")
    if not isinstance(value, str):
        raise ApiError(40058)
    return value


def _needed(body: Mapping[str, Any], field: str) -> str:
    value = _text(body, field)
    if not value:
        raise ApiError(40063)
    return value


def _media_id(value: object) -> str:
    if not value:
        raise ApiError(41006)
    if not isinstance(value, str):
        raise ApiError(40007)
    return value


def _check_url(url: str) -> None:
    if len(url.encode("utf-8", "replace")) > _URL:
        raise ApiError(40039)


def _articles(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    articles = body.get("articles")
    if not isinstance(articles, list) or not articles or not all(isinstance(article, dict) for article in articles):
        raise ApiError(40063)
    if len(articles) > _ARTICLES:
        raise ApiError(45008)
    return articles


def _swallow_seconds(asked: Mapping[str, Any]) -> int:
    if asked.get("enable_duplicate_check") != 1:
        return 0
    seconds = asked.get("duplicate_check_interval", _SECONDS)
    return min(seconds, _MOST_SECONDS) if isinstance(seconds, int) and seconds > 0 else _SECONDS
