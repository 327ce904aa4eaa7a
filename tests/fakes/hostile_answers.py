"""Answers as a runaway, a broken or a hostile model gives them, and messages of the same kind; the same for a seed."""

import json
from collections.abc import Callable, Sequence
from random import Random

from tests.fakes.openai_server import Act, Breaks, Fails, Raw, Says

LONGEST = 40_000
"""Characters of the longest text."""

_SIGNS: Sequence[str] = (
    "`", "``", "```", "~~~", "*", "**", "_", "__", "~~", "#", "> ", ">", "- ", "1. ", "|", "|a", "|-", "[", "]", "](",
    "![", "<", "</", "<!--", "<a ", "<br>", "<font color=", "&", "&amp;", "\\", "$", "$$", "\\(", "\\[", "<think>",
    "</think>", "<tool_call>", "<|im_end|>", "<|channel|>analysis<|message|>", "[^1]:", "[1]: ", "http://", "\t", " ",
    "\n", "\r", "\r\n", "\x00", "\x0b", "\x1b[31m", "\u200b", "\u202e", "\u2028", "\ufeff", "\u0301", "\u200d",
    '<invoke name="draw_picture">', '<parameter name="prompt">', "<parameter=a>", "</parameter>", "[TOOL_CALLS]",
    "<function=draw_picture>", "<arg_key>a</arg_key>", "<arg_value>", "<tool_call>draw_picture ",
    '{"name": "draw_picture", ', '"arguments": {', "```json\n", '"', "&lt;think&gt;", "assistantfinal", "对话记录",
    "👩‍👩‍👧", "字", "a", "。", "，", "é", "𝔘", "\U000e0041", "﷽", "א", "0", "-", "=", "{", "}", "{{", "{%", "%s",
)  # fmt: skip

_WORDS: Sequence[str] = (
    "你好，这是一段普通的回答。", "The quick brown fox jumps over the lazy dog. ", "第一步：打开设置。\n",
    "**注意：**请先备份。", "`code`", "\n\n", "\n", "| 名称 | 值 |\n|---|---|\n| 甲 | 1 |\n",
    "```python\nprint('你好')\n```\n", "- 一\n  - 二\n", "> 引用\n", "$x^2$", "<b>bold</b>", "[链接](https://example.com/a?b=c)",
    "👍", "2**10 和 __init__", "# 标题\n",
)  # fmt: skip


def hostile_text(random: Random, longest: int = LONGEST) -> str:
    """Return text that is hard to lay out; most is short, some is as long as it may be."""
    length = longest if random.random() < 0.02 else random.choice((40, 400, 2100, 6000))
    return random.choice(_TEXTS)(random, min(length, longest))[:longest]


def hostile_answer(random: Random) -> Act:
    """Return what a model does: mostly a hostile text, at times a shape or a status that is wrong."""
    if random.random() < 0.8:
        finish = random.choice(("stop", "stop", "length", "content_filter"))
        return Says(hostile_text(random), finish=finish, pieces=random.choice((4, 40, 400)))
    return random.choice(_SHAPES)(random)


def _run(random: Random, length: int) -> str:
    """Return one sign over and over, in the midst of words or in a block of code."""
    sign = random.choice(_SIGNS)
    run = sign * (length // len(sign) + 1)
    return random.choice(
        ("{}", "words {} words", "```\n{}\n```", '```python\nx = "{}"\n```', "> {}", "| {} |\n|-|\n")
    ).replace("{}", run)


def _pair(random: Random, length: int) -> str:
    """Return two signs in turn: what is quadratic mostly needs two."""
    pair = random.choice(_SIGNS) + random.choice(_SIGNS)
    return pair * (length // len(pair) + 1)


def _nested(random: Random, length: int) -> str:
    """Return openings that are closed only at the end, or never."""
    opening, closing = random.choice(
        (
            ("[", "]"),
            ("(", ")"),
            ("*", "*"),
            ("<b>", "</b>"),
            ("> ", "\n"),
            ("- ", "\n"),
            ("$", "$"),
            ("<think>", "</think>"),
        )
    )
    times = max(1, length // len(opening) // 2)
    return opening * times + "x" + (closing * times if random.random() < 0.5 else "")


def _steps(random: Random, length: int) -> str:
    """Return lines that stand further and further in."""
    mark = random.choice(("- ", "1. ", "> ", "* ", "  "))
    return "\n".join("  " * depth + mark + "x" for depth in range(min(300, max(1, int(length**0.5)))))


def _table(random: Random, length: int) -> str:
    """Return a table with many more cells than signs."""
    columns = random.choice((2, 30, 256, max(1, length // 4)))
    head = "|" + "a|" * columns
    rest = max(0, length - 2 * len(head))
    return f"{head}\n|{'-|' * columns}\n" + random.choice(("|\n", "|b\n", "|`|`\n", "|" + "长" * 200 + "\n")) * (
        rest // 3
    )


def _signs(random: Random, length: int) -> str:
    """Return signs in no order."""
    return "".join(random.choices(_SIGNS, k=max(1, length // 3)))


def _mixed(random: Random, length: int) -> str:
    """Return ordinary markdown with signs among it."""
    return "".join(random.choices((*_WORDS, *_WORDS, *_SIGNS), k=max(1, length // 8)))


def _ordinary(random: Random, length: int) -> str:
    """Return ordinary markdown."""
    return "".join(random.choices(_WORDS, k=max(1, length // 12)))


_TEXTS: Sequence[Callable[[Random, int], str]] = (
    _run,
    _pair,
    _nested,
    _steps,
    _table,
    _signs,
    _mixed,
    _mixed,
    _ordinary,
)


def _bare(random: Random) -> Act:
    return Says(
        random.choice((None, "", " ", "\u200b\u200b", "\ufeff", "\x00", "```\n```", "<think>only thought</think>"))
    )


def _big_names(random: Random) -> Act:
    return Says("words", model=random.choice(("m" * 1_000_000, "\x00", "a\r\n![x](y)", "模型" * 500, "\ud800")))


def _odd_counts(random: Random) -> Act:
    counts: Sequence[object] = (-1, 10**30, 1e308, "7", None, [], {}, True)
    message = {"role": "assistant", "content": "counted"}
    usage = {name: random.choice(counts) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    return _json({"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage})


def _odd_shape(random: Random) -> Act:
    odd: Sequence[object] = (
        None, True, 7, "words", [], {}, {"choices": []}, {"choices": None}, {"choices": [None]}, {"choices": [{}]},
        {"choices": [{"message": None}]}, {"choices": [{"message": {"content": []}}]}, {"error": "no"},
        {"choices": [{"message": {"content": [{"type": "text", "text": "in parts"}]}}]},
        {"choices": [{"message": {"content": "no role"}}]},
        {"choices": [{"message": {"role": "", "content": "empty role"}}]},
    )  # fmt: skip
    return _json(random.choice(odd))


def _noise(random: Random) -> Act:
    body = random.choice(
        (
            b"",
            b"{",
            b"<html>busy</html>",
            b"[" * 100_000,
            b'{"a":' * 50_000,
            random.randbytes(500),
            b"data: {}\n\n",
            b"\xff\xfe",
        )
    )
    return Raw(
        body, status=random.choice((200, 200, 502)), content_type=random.choice(("application/json", "text/html", ""))
    )


def _refused(random: Random) -> Act:
    return Fails(random.choice((400, 401, 403, 404, 413, 422, 429, 500, 503)), message=hostile_text(random, 3000))


def _gone(_random: Random) -> Act:
    return Breaks()


def _json(value: object) -> Act:
    return Raw(json.dumps(value).encode())


_SHAPES: Sequence[Callable[[Random], Act]] = (
    _bare,
    _bare,
    _big_names,
    _odd_counts,
    _odd_shape,
    _noise,
    _refused,
    _gone,
)
