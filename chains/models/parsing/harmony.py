"""Answers in channels, as gpt-oss writes them where its server does not part them, and forms without any marker.

A message of the harmony format is a header, `<|start|>assistant<|channel|>NAME<|message|>`, and words up to `<|end|>`,
`<|return|>` or `<|call|>` (https://cookbook.openai.com/articles/openai-harmony). `analysis` is thought, `final` is
said, and what is `to=` a function is a call of it.
"""

import re
from dataclasses import dataclass

_HEADER = re.compile(
    r"(?:<\|start\|>\s{0,4}assistant\s{0,4}(?:to=(?P<to>[\w.:-]{1,80})\s{0,4})?)?"
    r"(?:<\|channel\|>\s{0,4}(?P<channel>\w{1,20})(?P<rest>[^<>\n]{0,120})(?:<\|constrain\|>[^<>\n]{0,40})?)?<\|message\|>",
    re.IGNORECASE,
)
_BOUND = re.compile(r"<\|(?:start|end|return|call|channel|eom|eot)\|>", re.IGNORECASE)

# What is left of the channels where a server drops special tokens.
_BARE = re.compile(r"\s{0,8}analysis(?=[A-Z\u4e00-\u9fff])")
_BARE_FINAL = re.compile(r"assistant\s{0,2}final")

# Granite's, in words.
_GRANITE = re.compile(r"\s{0,8}Here(?: is|'s) my thought process:", re.IGNORECASE)
_GRANITE_ANSWER = re.compile(r"Here(?: is|'s) my response:", re.IGNORECASE)

# As tags in pages, and as a block of code of that name: the answer follows either.
_ESCAPED = re.compile(r"\s{0,8}&lt;(?P<name>think|thinking|thought|reasoning)&gt;", re.IGNORECASE)
_FENCED = re.compile(
    r"\s{0,8}(?P<rail>`{3,99}|~{3,99})[ ]{0,3}(?:think|thinking|thought|thoughts|reasoning)[ \t]{0,8}\n", re.IGNORECASE
)
_BEGUN = re.compile(
    r"\s{0,8}(?:&(?:l(?:t(?:;[a-z]{0,9}(?:&(?:g(?:t)?)?)?)?)?)?|(?:`{1,9}|~{1,9})[ ]{0,3}[a-z]{0,9}[ \t]{0,8})\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Channels:
    """What an answer of channels has in each."""

    thought: str
    said: str
    calls: tuple[str, ...] = ()
    """Calls of functions, each with its header."""


def channels_of(text: str, *, whole: bool) -> Channels | None:
    """Return what is thought and what is said in an answer of channels; None for any other answer.

    Of one that is not `whole` yet, nothing is said while its first header is on its way.
    """
    start = text.lstrip()
    if _HEADER.match(start) or _is_later_message(text):
        return _parted(text)
    if not whole and (start.startswith(("<|channel|>", "<|start|>")) or _BARE.match(text)):
        return Channels("", "")
    if (begin := _BARE.match(text)) and (final := _BARE_FINAL.search(text)):
        return Channels(text[begin.end() : final.start()], text[final.end() :])
    if begin := _GRANITE.match(text):
        answer = _GRANITE_ANSWER.search(text)
        if answer is not None:
            return Channels(text[begin.end() : answer.start()], text[answer.end() :])
        # Whole and without its second half, it is somebody's words about their thoughts.
        return None if whole else Channels(text[begin.end() :], "")
    return _in_page(text, whole=whole)


def _in_page(text: str, *, whole: bool) -> Channels | None:
    """Return the thought that a page's tags or a block of code hold at the beginning; None for no such thing.

    A block with nothing behind it is what was asked for.
    """
    if not whole and _BEGUN.match(text):
        return Channels("", "")
    if escaped := _ESCAPED.match(text):
        closed = re.compile(rf"&lt;/{escaped['name']}&gt;", re.IGNORECASE).search(text, escaped.end())
        if closed is not None:
            return Channels(text[escaped.end() : closed.start()], text[closed.end() :])
        return None if whole else Channels(text[escaped.end() :], "")
    if fenced := _FENCED.match(text):
        rail = fenced["rail"]
        closed = re.compile(rf"^[ ]{{0,3}}{rail}{rail[0]}{{0,99}}[ \t]{{0,99}}$", re.MULTILINE).search(
            text, fenced.end()
        )
        said = text[closed.end() :] if closed is not None else ""
        if said.strip():
            return Channels(text[fenced.end() : closed.start() if closed is not None else len(text)], said)
        return None if whole else Channels(text[fenced.end() :], "")
    return None


def _is_later_message(text: str) -> bool:
    """Whether a header follows a message whose own header the template wrote; in a block of code it is only text."""
    place = text.lower().find("<|start|>assistant")
    return place >= 0 and "```" not in text[:place] and _HEADER.match(text, place) is not None


def _parted(text: str) -> Channels:
    thought: list[str] = []
    said: list[str] = []
    calls: list[str] = []
    place = 0
    # What comes before the first header is the rest of a thought whose header the template wrote.
    words = thought
    while place < len(text):
        header = _HEADER.match(text, place)
        if header is not None:
            to = (header["to"] or "") + (header["rest"] or "")
            if (
                "functions" in to
                or ("to=" in to and "to=user" not in to)
                or (header["to"] or "user") not in {"user", "self"}
            ):
                words = calls
            elif (header["channel"] or "").lower() == "analysis" or header["to"] == "self":
                words = thought
            else:
                words = said
            place = header.end()
        bound = _BOUND.search(text, place if header is not None else place + 1)
        end = bound.start() if bound is not None else len(text)
        head = header[0] if header is not None and words is calls else ""
        words.append(head + _BOUND.sub("", text[place:end]).strip())
        place = max(end, place + 1)
    return Channels("\n".join(filter(None, thought)), "\n\n".join(filter(None, said)), tuple(calls))
