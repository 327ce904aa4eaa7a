"""Answers as hypothesis makes them up: every construct of CommonMark, with words whose order can be checked.

What an answer says is in Chinese characters and emoji; what only holds it together (addresses, languages, the
headers of tables) is in Latin letters. So what was said can be read off any rendering, whatever it repeats.
"""

import regex  # type: ignore[import-untyped]  # ships no types
from hypothesis import strategies as st

_CHARACTER = regex.compile(r"\X")
_SAID = regex.compile(r"[\p{Han}\p{Emoji_Presentation}]")

_WORDS = (
    *("好", "汉字", "人工智能", "，", "。", "！", "、", "：", "“引用”", "（注）", " ", "\n", "abc", "1.5", "x_1", "𠮷"),
    *("5*3", "2**10", "C#", "$5", "<b>", "&lt;", "\\*", "~", ">", "#"),
    # Characters of several code points: accents, a skin tone, a family, two flags, a heart on fire.
    *("e\u0301", "字\u0301", "👍\U0001f3fd", "👨\u200d👩\u200d👧\u200d👦", "🇨🇳", "🇩🇪", "❤\ufe0f\u200d🔥"),
)
"""Without markup; what looks like some must come out as it is."""


def said(text: str) -> list[str]:
    """Give what a text says, character by character as a reader counts them."""
    return [character for character in _CHARACTER.findall(text) if _SAID.search(character)]


words = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=40).map("".join)
_bare = words.map(lambda text: "字" + " ".join(text.split()) + "字")
"""On one line, and beginning and ending in a letter, so that markup can stand around it."""

_inline = st.one_of(
    words,
    words.map(lambda text: text * 30),
    _bare.map("**{}**".format),
    _bare.map("*{}*".format),
    _bare.map("~~{}~~".format),
    _bare.map(lambda text: f"**{text * 25}**"),
    _bare.map(lambda text: f"`{text}`"),
    st.builds("[{}](https://example.com/{})".format, _bare, st.sampled_from(["a", "b_(c)", "d" * 900, "e" * 1500])),
    _bare.map("![{}](https://example.com/x.png)".format),
    _bare.map('<font color="info">{}</font>'.format),
    st.just("$\\frac{a}{b}$"),
)
_line = st.lists(_inline, min_size=1, max_size=6).map(lambda parts: " ".join("".join(parts).split()))
_code = st.lists(st.one_of(words, st.just(""), st.just("    x = 1"), words.map(lambda w: w * 60)), max_size=30).map(
    "\n".join
)


def _fence(marker: str, code: str) -> str:
    return f"{marker}python\n{code}\n{marker}"


def _indented(text: str, first: str, others: str) -> str:
    head, *tail = text.split("\n")
    return "\n".join([first + head, *(others + line if line else "" for line in tail)])


def _table(cells: list[str], columns: int) -> str:
    rows = [cells[start : start + columns] for start in range(0, len(cells) - columns + 1, columns)]
    header = "|".join("ABCD"[:columns])
    body = "\n".join("| " + " | ".join(cell.replace("|", "") for cell in row) + " |" for row in rows)
    return f"| {header} |\n|{'---|' * columns}\n{body}"


_leaf = st.one_of(
    _line,
    _line,
    st.builds("{} {}".format, st.sampled_from(["#", "##", "######"]), _bare),
    st.builds(_fence, st.sampled_from(["```", "~~~", "`````"]), _code),
    st.builds(_table, st.lists(_bare, min_size=4, max_size=60), st.integers(2, 4)),
    st.just("---"),
)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda text: _indented(text, "> ", "> ")),
        st.lists(inner, min_size=1, max_size=4).map(lambda items: "\n".join(_indented(i, "- ", "  ") for i in items)),
        st.lists(inner, min_size=1, max_size=4).map(
            lambda items: "\n\n".join(_indented(i, "1. ", "   ") for i in items)
        ),
    )


answers = st.lists(st.recursive(_leaf, _nested, max_leaves=6), min_size=1, max_size=8).map("\n\n".join)

_NOISE = (
    *(
        "`",
        "```",
        "~~~",
        "*",
        "**",
        "_",
        "~~",
        "[",
        "](",
        ")",
        "![",
        "<",
        ">",
        "|",
        "\n|-|\n",
        "#",
        "- ",
        "1. ",
        "    ",
    ),
    *("\n", "\n\n", "\\", "&", "$", "\\[", "\\]", "$$", "<font color=info>", "</font>", "<br>", "<a href=", "[x]: y\n"),
    *(
        "\t",
        "\x00",
        "\u202e",
        "\ud800",
        "汉",
        "👨\u200d👩\u200d👧",
        "a",
        " ",
        "\u200b",
        "\u0301",
        "🇨",
        "https://x.yz",
        "\r\n",
    ),
)
noise = st.lists(st.sampled_from(_NOISE), max_size=60).flatmap(
    lambda parts: st.integers(1, 40).map(lambda times: "".join(parts) * times)
)
"""Anything at all."""
