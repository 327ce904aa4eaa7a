"""Finds the command that a mistyped word is meant to be: `@hlep` is `@help`, `@expert` is a word of its own."""

from collections.abc import Iterable

import regex  # type: ignore[import-untyped]  # ships no types

from chains.routing.intents import UnknownCommand
from pipeline.text.command_line import LONGEST, is_apart, without_sign
from pipeline.text.folding import casefold_nfkc, simplified

# What a word with an @ ends at. A full stop before a letter, an underscore, a bracket or another @ is an address,
# code or somebody's name instead.
_WORD = regex.compile(r"([a-z]+(?:-[a-z]+)*)(\d{0,4})(?=$|[\s,:;!?~]|\.+(?:\s|$)|[^\x00-\x7f\p{L}\p{M}\p{N}]|\p{Han})")
_CHINESE = regex.compile(r"\p{Han}{3,8}")
_PAIR = regex.compile(r"\p{Han}{2}")
_FORMAT = regex.compile(r"\s*[a-z]{2,8}$", regex.IGNORECASE)
# Signs of the commands and those that sound or look like them: what a Chinese input method offers in their place.
_ALIKE = tuple(
    """
    除出处楚触初岀 史使是事式室士试 助住主注祝 止只指址纸直 译议义意易异绎 导到道倒岛稻 型形行刑 图涂途突 评平凭屏
    量良两亮 续序绪 角脚叫 色瑟 结节杰接 历力厉立里利 停挺 翻番反 清青轻请 帮邦 画话化花 模摸莫膜 总宗 记计纪己 继纪记
    """.split()  # noqa: SIM905 (a group a line would be a page)
)
_PLACES = {
    letter: (row, column)
    for row, keys in enumerate(("qwertyuiop", "asdfghjkl", "zxcvbnm"))
    for column, letter in enumerate(keys)
}
_SHORT, _LONG = 4, 6

_VOWELS = frozenset("aeiou")

# Words within a slip of a command that people write for themselves.
_ORDINARY = frozenset(
    """
    clean clears cleat clever expert experts exports expo god gods food goof goon hood mood wood gold held
    hell hello helm hemp kelp yelp hole mole pole sole rose rule rope robe rode rote dole roll mode modal
    motel yodel sage shop step slop stow atop strop plan plane plains play rice rick forge forgot forged
    historic usages
    """.split()  # noqa: SIM905 (a word a line would be a page)
)


def near_miss(line: str, names: Iterable[str]) -> UnknownCommand | None:
    """Return the word with an @ that a line begins with and the name, folded, that it is a slip of; None for none."""
    behind = without_sign(line)
    if behind is None:
        return None
    known = [name.removeprefix("@") for name in names]
    found = _WORD.match(casefold_nfkc(behind[: 2 * LONGEST]))
    if found is None:
        return _chinese(simplified(behind[: 2 * LONGEST]).rstrip("。！？!?.~～ "), known)
    word, digits = found[1], found[2]
    # `@ hlep` alone is a slip; what has a space behind its sign and more to say is a sentence.
    alone = len(behind.rstrip("。！？!?.~～ ")) == len(word) + len(digits)
    if is_apart(line) and not alone:
        return None
    if word in known:
        return UnknownCommand(f"@{word}{digits}", f"@{word} {digits}") if digits and alone else None
    if word in _ORDINARY or digits:
        return None
    meant = _closest(word, known)
    return UnknownCommand(f"@{word}", f"@{meant}") if meant else None


def _chinese(text: str, known: Iterable[str]) -> UnknownCommand | None:
    """Compare whole lines, but for a format behind it: nothing parts a Chinese word from what follows it."""
    text = _FORMAT.sub("", text)
    if _PAIR.fullmatch(text):
        meant = next((name for name in known if _PAIR.fullmatch(name) and _is_alike(text, name)), "")
        return UnknownCommand(f"@{text}", f"@{meant}") if meant else None
    if not _CHINESE.fullmatch(text):
        return None
    meant = next((name for name in known if _CHINESE.fullmatch(name) and _slips(text, name) == 1), "")
    return UnknownCommand(f"@{text}", f"@{meant}") if meant else None


def _is_alike(text: str, name: str) -> bool:
    """Whether two words of two signs sound or look alike; another sign makes another word: `@停车`, `@画家`."""
    return text != name and all(
        one == other or any(one in signs and other in signs for signs in _ALIKE)
        for one, other in zip(text, name, strict=True)
    )


def _closest(word: str, known: Iterable[str]) -> str:
    near = (
        (slips, name)
        for name in known
        if name.isascii()
        and len(name) >= _SHORT
        # A longer word is a word of its own: `@translated`, `@helpme`.
        and (not word.startswith(name) or word == name + name[-1])
        and (slips := _slips(word, name)) <= (2 if len(name) > _LONG else 1)
    )
    return min(near, default=(0, ""))[1]


def _slips(word: str, name: str) -> int:
    """Return how many letters were swapped, left out, added or mistyped, up to 3.

    The distance of Damerau and Levenshtein, in which two letters that lie nowhere near each other count twice in a
    short word: `@rose` is not `@role`.
    """
    if abs(len(word) - len(name)) > 2:  # noqa: PLR2004
        return 3
    rows = [list(range(len(name) + 1))]
    for i, typed in enumerate(word, 1):
        row = [i]
        for j, meant in enumerate(name, 1):
            wrong = 0 if typed == meant else 1 if len(name) >= _LONG or _near(typed, meant) else 2
            best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + wrong)
            if i > 1 and j > 1 and typed == name[j - 2] and word[i - 2] == meant:
                best = min(best, rows[i - 2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return min(rows[-1][-1], 3)


def _near(one: str, other: str) -> bool:
    """Whether two letters are vowels, which are spelt by ear, or keys that touch; Chinese signs always are near."""
    if not one.isascii() or not other.isascii() or {one, other} <= _VOWELS:
        return True
    if one not in _PLACES or other not in _PLACES:
        return False
    (row, column), (other_row, other_column) = _PLACES[one], _PLACES[other]
    return abs(row - other_row) <= 1 and abs(column - other_column) <= 1
