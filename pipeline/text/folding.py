"""Normalised forms in which text is compared."""

import re
import unicodedata
from collections.abc import Iterable

import regex  # type: ignore[import-untyped]  # ships no types

SIGNS = ("@", "＠", "﹫")
"""What a command begins with: a full-width or small commercial at is what a Chinese input method types."""

# Each traditional character that commands and what follows them are written with, and the simplified one behind it.
_TRADITIONAL = (
    "幫帮導导匯汇圖图畫画繪绘張张條条個个幾几隻只歷历記记錄录對对話话統统計计設设預预認认確确聽听類类庫库換换選选擇择"
    "寫写請请謝谢嗎吗麼么煩烦勞劳駕驾評评讚赞點点譯译說说續续繼继總总費费額额錢钱餘余還还檔档頁页網网紙纸純纯語语師师"
    "醫医學学數数據据開开關关閉闭閱阅讀读資资訊讯館馆會会議议財财務务報报銷销業业題题檢检與与從从問问為为時时間间週周"
    "後后這这裡里單单號号萬万兩两給给讓让將将發发來来過过進进動动應应當当無无麵面體体覽览簡简歸归刪删處处製制複复雜杂"
    "錯错誤误長长書书筆笔電电腦脑機机現现實实連连結结輸输輯辑傳传樂乐詩诗劇剧戲戏銀银練练"
)
_SIMPLIFIED = str.maketrans(_TRADITIONAL[::2], _TRADITIONAL[1::2])

# Marks on one letter, the Japanese ones of half width among them. No writing has so many, and putting them in order
# takes the square of their number: 1.5 s for 40,000.
_MARKS = regex.compile(r"([\p{M}\uff9e\uff9f]{30})[\p{M}\uff9e\uff9f]+")


def casefold_nfkc(word: str) -> str:
    """Return a word in that form: full width and large letters make no difference."""
    return unicodedata.normalize("NFKC", _MARKS.sub(r"\1", word)).casefold()


def simplified(text: str) -> str:
    """Return a text in which the traditional characters of commands are simplified ones; it keeps its length."""
    return text.translate(_SIMPLIFIED)


# Colours of skin, and what asks for a coloured picture instead of a black sign.
_SHADES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")


def repeated_sign(line: str, signs: Iterable[str]) -> str:
    """Return the sign that a line consists of, however often; empty if there is anything else in it."""
    bare = "".join(_SHADES.sub("", line).split())
    return next((sign for sign in signs if bare and not bare.replace(sign, "")), "")
