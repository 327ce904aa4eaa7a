"""Which part of a request a server refuses, read from what it answered: its status, the field it names, its words."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chains.models.errors import provider_answer
from chains.models.openai.adaptations import BESIDE, BOUNDED, OPTIONS, Adaptation, has_used_tools, is_at_an_end

_REFUSING = frozenset({400, 403, 404, 405, 406, 415, 422, 500, 501})
_ONLY_WORDS = frozenset({403, 404, 405, 500})
"""Of these, the ones that usually mean something else."""
_WITHOUT_STREAM = frozenset({406, 501})
_NEVER = frozenset({"model.filtered", "model.too_long", "model.quota", "model.busy"})

_NOT = r"(?:not|n't|un|in|dis|no|cannot|forbidden|extra|unexpected|不|无法|未)"
_STREAM_ONLY = re.compile(
    r"only supports? stream|non[- ]?stream\w* (?:calls?|mode|requests?)|stream\w* (?:mode )?(?:is )?required"
    r"|must (?:be )?(?:use )?stream|stream\W{1,4}(?:must|should) be (?:set to )?true"
    r"|(?:仅|只)支持流式|stream=true is required"
    r"|非流式(?:调用|输出|模式|请求)|support\w* when \W{0,2}stream\W{1,4}false",
    re.IGNORECASE,
)
_NO_STREAM = re.compile(
    rf"stream(?!_options)[^.]{{0,60}}{_NOT}[^.]{{0,12}}(?:support|allow|available|enabled|implement|permit|true)"
    rf"|{_NOT}[^.]{{0,12}}(?:support|allow|available|enabled|implement|permit)[^.]{{0,30}}stream(?!_options)"
    r"|unsupported[^.]{0,20}stream(?!_options)|不支持.{0,10}流式|流式.{0,12}不(?:支持|可用)|only supports? non-?stream",
    re.IGNORECASE,
)
_SYSTEM = re.compile(
    rf"system[^.]{{0,40}}{_NOT}[^.]{{0,12}}(?:support|allow|permit|valid|expect|enabled)"
    rf"|{_NOT}[^.]{{0,12}}(?:support|allow|permit|valid|expect|role)[^.]{{0,40}}system|developer instruction"
    r"|roles? must alternate|conversation roles|system 角色|system角色",
    re.IGNORECASE,
)
_TOOLS = re.compile(r"\btools?\b|\btool[-_ ]|function[-_ ]?call|\bfunctions?\b|工具|函数调用", re.IGNORECASE)
_JSON_MODE = re.compile(r"response_format|json_object|json[ _]mode|json_schema", re.IGNORECASE)
_THOUGHTS = re.compile(
    rf"reasoning(?:_content|_details)?\b[^.]{{0,60}}{_NOT}|{_NOT}[^.]{{0,60}}reasoning(?:_content|_details)?",
    re.IGNORECASE,
)
_IMAGE = r"(?:images?\b|image_url|\bvision\b|multi-?modal|\bpictures?\b)"
_PICTURES = re.compile(
    rf"{_IMAGE}[^.]{{0,60}}(?:\bnot\b|n't|\bcannot\b)[^.]{{0,12}}(?:support|allow|permit|accept|available|enabled)"
    rf"|(?:\bnot\b|n't|\bcannot\b)[^.]{{0,12}}(?:support|accept|handle|process|a vision|{_IMAGE})[^.]{{0,40}}"
    rf"(?:{_IMAGE}|model)"
    rf"|no endpoints[^.]{{0,40}}{_IMAGE}|unsupported[^.]{{0,20}}{_IMAGE}"
    r"|image_url[^.]{0,40}only supported by|unknown variant .?image|at most 0 image|mmproj|required for image input"
    r"|content[^.]{0,40}(?:must be|should be|expected) a (?:valid )?string"
    r"|不支持.{0,12}(?:图|多模态|视觉)|(?:图片|图像|多模态|视觉).{0,12}不支持",
    re.IGNORECASE,
)
_ONE_PICTURE = re.compile(
    r"format|mime|media_type|resolution|dimension|pixel|decod|corrupt|too (?:large|big|small|many)|\bsize\b|base64"
    r"|格式|尺寸|大小|过大|分辨率|解码",
    re.IGNORECASE,
)
"""Words about one picture, which say nothing about the next."""
_NO_OPTION = re.compile(
    r"unsupported|not supported|not support|unrecogni[sz]ed|unknown|extra (?:inputs|fields)|not permitted|not allowed"
    r"|only \S{1,5} is (?:allowed|supported)|unexpected|deprecated|no longer"
    r"|cannot both|can't both|mutually exclusive|not both|不支持|不能同时",
    re.IGNORECASE,
)
_OUT_OF_RANGE = re.compile(
    r"\brange\b|between|must be|greater|less|positive|illegal|invalid|out of|非法|范围|大于|小于|区间|取值|不合法|有误",
    re.IGNORECASE,
)
_THINKING = re.compile(r"enable[_ ]thinking", re.IGNORECASE)
_NEAR = 90
"""Characters around an option's name in which a refusal speaks of it."""
_GIVE_BACK = re.compile(r"passed back|missing|required|must be provided|必须", re.IGNORECASE)


def proposals(
    error: Exception, body: Mapping[str, Any], active: frozenset[Adaptation], *, guesses: bool = True
) -> Iterator[Adaptation]:
    """Yield what to leave out of a request that was refused, the likeliest first; nothing where that cannot help.

    `WHOLE` among those that are `active` already asks for the reverse: to stream after all.
    """
    answer = provider_answer(error)
    status = answer.status
    if answer.reason in _NEVER or (status is not None and status not in _REFUSING):
        return
    said = answer.text
    for adaptation in _named(said, body, active):
        if adaptation not in active or adaptation is Adaptation.WHOLE:
            yield adaptation
    if status in _WITHOUT_STREAM and body.get("stream"):
        yield Adaptation.WHOLE
    is_plain = status is not None and status not in _ONLY_WORDS and answer.reason == "model.refused"
    if guesses and is_plain and body.get("tools") and not has_used_tools(body) and Adaptation.TOOLS not in active:
        yield Adaptation.TOOLS


def _named(said: str, body: Mapping[str, Any], active: frozenset[Adaptation]) -> Iterator[Adaptation]:
    streams = bool(body.get("stream"))
    if not streams and _STREAM_ONLY.search(said):
        streamed = Adaptation.WHOLE if Adaptation.WHOLE in active else Adaptation.STREAMED
        if _THINKING.search(said):
            # Streams it has refused before: only where it was not asked for one is that the better way.
            both = (streamed, Adaptation.THINKING)
            yield from reversed(both) if streamed is Adaptation.WHOLE else both
        else:
            yield streamed
        return
    if streams and "stream_options" in body and re.search(r"stream[ _]options|include_usage", said, re.IGNORECASE):
        yield Adaptation.USAGE
    if streams and _NO_STREAM.search(said):
        yield Adaptation.WHOLE
    if _has_role(body, "system") and _SYSTEM.search(said):
        yield Adaptation.SYSTEM
    if _has_thoughts(body) and _THOUGHTS.search(said) and not _GIVE_BACK.search(said):
        yield Adaptation.REASONING
    if "response_format" in body and _JSON_MODE.search(said):
        yield Adaptation.JSON_MODE
    if "tool_choice" in body and "tool_choice" in said:
        yield Adaptation.TOOL_CHOICE
    if _has_pictures(body) and _PICTURES.search(said) and not _ONE_PICTURE.search(said):
        yield Adaptation.PICTURES
    if any(is_at_an_end(body.get(key)) and _is_out_of_range(key, said) for key in BOUNDED):
        yield Adaptation.BOUNDS
    yield from (option for option in OPTIONS if option.value in body and _near(option.value, said, _NO_OPTION))
    if body.get("tools") and not has_used_tools(body) and _TOOLS.search(said):
        yield Adaptation.TOOLS


def _is_out_of_range(name: str, said: str) -> bool:
    return _near(name, said, _OUT_OF_RANGE) and not _near(name, said, _NO_OPTION)


def _near(name: str, said: str, words: re.Pattern[str]) -> bool:
    """Whether a server says such words of an option; a value that is out of range is for the operator to mend."""
    # Chinese follows a name without a space.
    place = re.search(rf"(?<!\w){name}(?!\w)", said, re.ASCII)
    if place is None:
        return False
    return words.search(said[max(0, place.start() - _NEAR) : place.end() + _NEAR]) is not None


def _has_role(body: Mapping[str, Any], role: str) -> bool:
    return any(message.get("role") == role for message in body["messages"])


def _has_pictures(body: Mapping[str, Any]) -> bool:
    contents = (message.get("content") for message in body["messages"])
    return any(part.get("type") == "image_url" for parts in contents if isinstance(parts, list) for part in parts)


def _has_thoughts(body: Mapping[str, Any]) -> bool:
    return any(key in message for message in body["messages"] for key in BESIDE)
