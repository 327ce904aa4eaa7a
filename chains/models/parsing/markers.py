"""How models mark what is not meant for the reader: thoughts, calls of tools, ends of turns.

The markers are those that inference servers part from answers (the reasoning and tool parsers of vLLM, SGLang and
llama.cpp, November 2026). They arrive in answers where a server does not know its model's. One pass finds them all;
every repetition in the pattern is bounded, so that no text makes it search twice.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["fence", "ticks", "weak", "open", "close", "tool", "tool_end"]

_THOUGHTS = (
    *("think", "thinking", "thought", "thoughts", "reasoning", "seed:think", "longcat_think", "mm:think"),
    *("think:opensource", "antthinking", "seed:cot_budget_reflect", "minimax:think", "ernie_think", "hy_think"),
    *("ling_think", "ernie:think", "hunyuan:think", "step:think"),
)
WEAK = (
    *("reason", "reflection", "reflect", "scratchpad", "rationale", "deliberation", "cot", "chain_of_thought"),
    *("inner_monologue", "inner_thoughts", "internal_monologue", "thought_process", "thinking_process"),
    *("reasoning_content", "reasoning_step", "reasoning_steps", "start_thinking", "analysis"),
)
"""Names that mean something in other documents, too: a thought only before anything is said."""
_TOOLS = (
    *("tool_call", "tool_calls", "function_call", "function_calls", "tool_code", "minimax:tool_call"),
    *(
        "toolcall",
        "seed:tool_call",
        "longcat_tool_call",
        "antml:function_calls",
        "atem:function_calls",
        "｜dsml｜function_calls",
    ),
)
_WRAPS = ("answer", "response", "output")

_OPENING = (
    *("[THINK]", "◁think▷", "<|START_THINKING|>", "<|begin_of_thought|>", "<|inner_prefix|>", "<|think|>"),
    *("<|think:start|>", "<|begin_of_think|>", "<unused94>", "[unused16]", "<|channel>", "<ctrl94>", "＜think＞"),
    *("[THINKING]", "[REASONING]", "<|im_start|>think\n", "<start_of_thought>"),
)
_CLOSING = (
    *("[/THINK]", "◁/think▷", "<|END_THINKING|>", "<|end_of_thought|>", "<|inner_suffix|>", "<|/think|>"),
    *("<|think:end|>", "<|end_of_think|>", "<unused95>", "[unused17]", "<channel|>", "[BEGIN FINAL RESPONSE]"),
    *("<ctrl95>", "＜/think＞", "[/THINKING]", "[/REASONING]", "<|im_start|>answer\n", "<end_of_thought>"),
)
# Tokens of models to come are built like those of today.
_BETWEEN = r"(?:_|:|▁of▁|_of_)"
_THINKS = r"(?:think|thinking|thought|thoughts|reason|reasoning)"
_TOKEN_OPENS = rf"<[|｜](?:(?:begin|start){_BETWEEN}{_THINKS}|{_THINKS}(?:{_BETWEEN}(?:begin|start))?)[|｜]>"
_TOKEN_CLOSES = rf"<[|｜](?:end{_BETWEEN}{_THINKS}|/{_THINKS}|{_THINKS}{_BETWEEN}end)[|｜]>"
_CALLING = (
    *("<|tool_call|>", "<|tool_call>", "<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call:start|>"),
    *("<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<|START_ACTION|>", "<|action_start|>", "<|tool_calls|>"),
    *("[TOOL_CALLS]", "<|python_tag|>", "<|tool_call_start|>", "<|tool▁calls▁begin|>", "<|tool▁call▁begin|>"),
    *("✿FUNCTION✿:",),
)
_CALLED = (
    *("<|/tool_call|>", "<tool_call|>", "<|tool_calls_section_end|>", "<|tool_call_end|>", "<|tool_call:end|>"),
    *("<｜tool▁calls▁end｜>", "<｜tool▁call▁end｜>", "<|END_ACTION|>", "<|action_end|>", "[/TOOL_CALLS]"),
    *("<|tool▁calls▁end|>", "<|tool▁call▁end|>", "✿RETURN✿:"),
)
_FUNCTION = ("<function=", "<invoke name=")
"""How a tag begins that names the function it calls."""


def _either(words: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_MARK = re.compile(
    rf"""(?P<fence>^[ ]{{0,3}}(?P<rail>`{{3,}}(?![^\n`]*`)|~{{3,}})(?P<bare>[ \t]*$)?)
    |(?P<ticks>`+)
    |(?P<weak><\s{{0,8}}(?:{_either(WEAK)})\s{{0,8}}>)
    |(?P<open><\s{{0,8}}(?:{_either(_THOUGHTS)})\s{{0,8}}>|(?:{_either(_OPENING)}|{_TOKEN_OPENS})(?:thought\n)?)
    |(?P<close><\s{{0,8}}/\s{{0,8}}(?:{_either(_THOUGHTS + WEAK)})\s{{0,8}}>|{_either(_CLOSING)}|{_TOKEN_CLOSES})
    |(?P<tool><(?:{_either(_TOOLS)})>|(?:{_either(_FUNCTION)})[^<>\n]{{1,80}}>|{_either(_CALLING)})
    |(?P<tool_end></(?:{_either(_TOOLS)}|function|invoke)>|{_either(_CALLED)})""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_KINDS: tuple[Kind, ...] = ("fence", "ticks", "weak", "open", "close", "tool", "tool_end")
_STARTS = re.compile(r"[<◁＜✿]|\[/?(?:think|reasoning|unused|tool_calls|begin final)", re.IGNORECASE)

_WRAP_BEGINS = re.compile(
    rf"\s{{0,8}}(?:<\|(?:START_RESPONSE|START_TEXT|begin_of_solution|content)\|>|<(?:{_either(_WRAPS)})>)",
    re.IGNORECASE,
)
_WRAP_ENDS = re.compile(
    rf"(?:<\|(?:END_RESPONSE|END_TEXT|end_of_solution)\|>|</(?:{_either(_WRAPS)})>|\[END FINAL RESPONSE\])\Z",
    re.IGNORECASE,
)
_BOX = re.compile(r"<\|(?:begin|end)_of_box\|>")
"""What GLM puts around the result within an answer."""
_TURN_ENDS = ("</s>", "<s>", "<eos>", "<bos>", "<end_of_turn>", "<start_of_turn>", "<turn|>", "<|turn>", "[EOS]")
_TURN_END = re.compile(
    rf"(?:<\|[\w:./-]{{1,40}}\|>|<｜[^｜<>\s]{{1,40}}｜>|\[\|[a-z]{{1,20}}\|\]|{_either(_TURN_ENDS)})\Z", re.IGNORECASE
)
_TURN_BEGINS = re.compile(
    r"\s{0,8}(?:<\|im_start\|>assistant\n|<\|start_header_id\|>assistant<\|end_header_id\|>|<[|｜]assistant[|｜]>)",
    re.IGNORECASE,
)
_LONGEST = 96
"""Characters the longest marker has."""
_ALL = tuple(
    marker.lower()
    for marker in (
        *(f"<{slash}{name}>" for name in (*_THOUGHTS, *WEAK, *_TOOLS, *_WRAPS) for slash in ("", "/")),
        *("</function>", "</invoke>", "[END FINAL RESPONSE]", "[|endofturn|]"),
        *(*_OPENING, *_CLOSING, *_CALLING, *_CALLED, *_TURN_ENDS),
    )
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker at `start` up to `end`; `rail` are the signs of a fence, which is `bare` if it may close one."""

    kind: Kind
    start: int
    end: int
    rail: str = ""
    bare: bool = False


def marks_of(text: str) -> list[Mark]:
    """Return the markers of a text in order, and the signs that make code of some of it."""
    if not _STARTS.search(text):
        return []
    return [
        Mark(
            next(kind for kind in _KINDS if found[kind] is not None),
            found.start(),
            found.end(),
            found["rail"] or "",
            found["bare"] is not None,
        )
        for found in _MARK.finditer(text)
    ]


def has_no_end(marker: str) -> bool:
    """Whether everything that follows a marker is a call of tools."""
    return marker.lower() in {"[tool_calls]", "<|python_tag|>", "✿function✿:", "<|tool_call|>", "<|tool_calls|>"}


def unwrapped(text: str) -> str:
    """Return an answer without the tags that some models put around one behind a thought."""
    begins = _WRAP_BEGINS.match(text)
    text = text[begins.end() :] if begins is not None else text
    ended = text.rstrip()
    ends = _WRAP_ENDS.search(ended, max(0, len(ended) - _LONGEST))
    return ended[: ends.start()] if ends is not None else text


def without_boxes(text: str) -> str:
    """Return an answer without the tokens around its result, which may stand in its midst."""
    return _BOX.sub("", text) if "_of_box|>" in text else text


def without_turn_begin(text: str) -> str:
    """Return a text without the tokens by which a model's template begins its turn."""
    begins = _TURN_BEGINS.match(text)
    return text if begins is None else text[begins.end() :]


def without_turn_end(text: str) -> str:
    """Return a text without the tokens by which a model ends its turn, and white space, at its end."""
    end = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        found = _TURN_END.search(text, max(0, end - _LONGEST), end)
        if found is None:
            return text[:end]
        end = found.start()


def without_begun_marker(text: str) -> str:
    """Return a text that is not whole yet without what may become a marker at its end."""
    start = max(text.rfind(sign, max(0, len(text) - _LONGEST)) for sign in "<[◁＜✿")
    if start < 0:
        return text
    begun = "".join(text[start:].split()).lower()
    is_token = begun.startswith(("<|", "<｜", *_FUNCTION, "<invokename=")) and ">" not in begun
    if is_token or any(marker.replace(" ", "").startswith(begun) for marker in _ALL):
        return text[:start]
    return text
