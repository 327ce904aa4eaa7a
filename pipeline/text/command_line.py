"""Reads the command that a line of chat begins with: `@help`, `＠帮助。`, `@ 导出`, `@画图一只猫`.

Chinese is written without spaces, so a name may touch what follows it. Whether a touching rest is an argument or the
name is only part of a longer word (`@历史上的今天`) is for the caller to say.
"""

import unicodedata
from collections.abc import Callable, Container
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]  # ships no types

from pipeline.text.folding import SIGNS, casefold_nfkc, simplified

LONGEST = 32
"""Characters of the longest name, its sign included."""

Joins = Callable[[str, str], bool]
"""Whether a rest that touches a name, given first and folded, is what the name is to be called with."""

_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}〇々]")
PUNCTUATION = ",.!?:;~，。！？：；、～…．"
"""What adds nothing between a name and what follows it, and at the end of a line."""

_SEPARATORS = " \t\r\n\u3000" + PUNCTUATION
_STOPS = ",.!?:;~"
# What makes a word part of an address, a path or an identifier.
_GLUE = "@_-/."
# Colours of skin, variation selectors, joiners and spaces without width.
_INVISIBLE = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff\ufe0e\ufe0f\u200b\u200c\u200d\u2060\ufeff"
_COURTESY = regex.compile(
    r"""(?:[\p{P}\p{S}\p{M}\p{Cf}\s]|一下子?|一次|下吧|吧|呢|呀|啊|啦|哦|噢|喔|嘛|哈|呗|哟|咯|哎|嘞|好吗|好不好|好么|可以吗|可以么
    |可不可以|行吗|行不行|行么|谢谢|谢啦|谢了|多谢|感谢|辛苦了?|麻烦|拜托|请|我|你|您|现在|马上|立刻
    |thanks|thank\ (?:you|u)|thx|ty|please|pls|plz|now|right\ now|for\ me|asap)*+""",
    regex.VERBOSE | regex.IGNORECASE,
)
_LONGEST_COURTESY = 40
# What may stand before the sign, and between it and a name: `😊 @help`, `@请帮我画图一只猫`.
_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\u200d\s]{0,32}+(?=[@＠﹫])")
_PLEASE = regex.compile(
    r"(?:请|麻烦|劳驾)[你您]?(?:帮我|帮忙|给我)?|[帮给替]我|帮忙|(?:please|pls)\s+", regex.IGNORECASE
)
# The same, and what people wish for or want to see: `@看看我的用量`, `@我想导出pdf`, `@show my history`.
_WISH = regex.compile(
    r"""(?:(?:please|pls|can\ you|could\ you|i\ want\ to|show|list|view|see|open|me|my|the)\s+){1,5}+
    |(?:(?:请|麻烦|劳驾)[你您]?)?+(?:[帮给替]我|帮忙|我想要?|我要|想要|现在|马上|立刻)?+
    (?:看一?看|看一?下|查一?查|查一?下|查看|查询|看|查|显示|列出|打开)?+(?:我的?|一下)?+""",
    regex.VERBOSE | regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A line that begins with a known name: the name, folded, and what follows it."""

    name: str
    rest: str
    touches: bool = False
    """Whether nothing parts the two."""


def read_command_line(
    line: str, names: Container[str], joins: Joins, *, behind_wishes: bool = False
) -> CommandLine | None:
    """Return the longest of the names, folded as `casefold_nfkc` does, that a line begins with; None for a plain text.

    A name may stand behind a please, and with `behind_wishes` behind what somebody wants to do or see. Takes time by
    the longest name, not by the line.
    """
    text = without_sign(line)
    if text is None:
        return None
    found = _begins_with(text, names, joins)
    before = (_WISH if behind_wishes else _PLEASE).match(simplified(text[:LONGEST]))
    if found is None and before is not None and before.end():
        return _begins_with(text[before.end() :].lstrip(), names, joins, only_joined=behind_wishes)
    return found


def _begins_with(text: str, names: Container[str], joins: Joins, *, only_joined: bool = False) -> CommandLine | None:
    for length in range(min(len(text), LONGEST), 0, -1):
        spelt = (text[:length], simplified(text[:length]))
        name = next((name for each in spelt if (name := "@" + casefold_nfkc(each)) in names), None)
        if name is None:
            continue
        follows = _follows(name, text[length : length + LONGEST])
        if follows is None:
            continue
        # Punctuation is the writer's own where a space parts it from the name: `@translate .gitignore`.
        rest = text[length:].lstrip(PUNCTUATION + _INVISIBLE).lstrip()
        # A full stop before a letter stays for the caller to see: `@导出.pdf`, `@帮助.com`.
        joined = f".{rest}" if not follows and text[length] == "." else rest
        if (follows and not (only_joined and rest)) or joins(name, simplified(joined)):
            return CommandLine(name, rest, touches=not follows)
    return None


def without_sign(line: str) -> str | None:
    """Return what stands behind the sign a command begins with; None for a line that has none, or two."""
    behind = _behind_sign(line)
    return None if behind is None else behind.lstrip().lstrip(_INVISIBLE) or None


def is_apart(line: str) -> bool:
    """Whether white space parts the sign from the word behind it."""
    return (_behind_sign(line) or "")[:1].isspace()


def _behind_sign(line: str) -> str | None:
    text = line.strip().lstrip(_INVISIBLE)
    if (emoji := _EMOJI.match(text)) is not None:
        text = text[emoji.end() :]
    return text[1:] if text.startswith(SIGNS) else None


def is_courtesy(rest: str) -> bool:
    """Whether a text says nothing but please and thank you, in words, punctuation or emoji."""
    return len(rest) <= _LONGEST_COURTESY and _COURTESY.fullmatch(simplified(rest)) is not None


def choice_of(argument: str) -> str:
    """Return an argument that chooses something, without the punctuation and courtesy around it."""
    text = argument.strip(_SEPARATORS + _INVISIBLE)
    for end in range(max(1, len(text) - _LONGEST_COURTESY), len(text)):
        # Of "上一次" the last two signs are what is chosen.
        if is_courtesy(text[end:]) and not text[end:].startswith("一次"):
            return text[:end].rstrip(_SEPARATORS + _INVISIBLE)
    return text


def ends_cjk(name: str) -> bool:
    """Whether a name ends in a letter of a script that is written without spaces."""
    return _CJK.fullmatch(name[-1:]) is not None


def _follows(name: str, rest: str) -> bool | None:
    """Return True where a name ends before the rest, False where the two touch, None where it is part of a word."""
    if not rest or rest[0].isspace():
        return True
    sign = unicodedata.normalize("NFKC", rest[0])[0]
    if sign in _STOPS:
        return True if rest[0] != sign else _after_stops(rest, joinable=ends_cjk(name))
    if sign in _GLUE:
        return False if sign in "-/" and ends_cjk(name) else None
    if _CJK.fullmatch(rest[0]):
        return False
    if not sign.isascii():
        # Letters and marks of other scripts go on with the word; emoji and punctuation end it.
        return None if unicodedata.category(rest[0])[0] in "LNM" and rest[0] not in _INVISIBLE else True
    return False if ends_cjk(name) else None


def _after_stops(rest: str, *, joinable: bool) -> bool | None:
    """Distinguish `@help.` and `@export, pdf` from `@help.com` and `@click:http://x`; `@导出.pdf` is left open."""
    behind = rest.lstrip(_STOPS)
    if not behind or behind[0].isspace() or not behind[0].isascii():
        return True
    if rest[0] in ",:" and behind[0] != "/":
        return True
    return False if joinable and rest[0] == "." and behind == rest[1:] else None
