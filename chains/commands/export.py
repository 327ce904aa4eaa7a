"""`@export` hands out a conversation as a document: the current one, or what the words behind it say."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from chains.command import Command, CommandCall
from pipeline.answer import Outcome
from pipeline.exports import Current, Everything, Exported, Format, Month, Numbered, Previous, Wanted
from pipeline.replies import FileReply, TextReply
from pipeline.text.command_line import choice_of, is_courtesy
from pipeline.text.folding import casefold_nfkc, simplified

_PREVIOUS = frozenset({"last", "previous", "上次", "上一次", "上一个", "上一段", "前一次", "前一个"})
_EVERYTHING = frozenset({"all", "everything", "全部", "所有", "一切"})
_CURRENT = frozenset({"current", "now", "当前", "现在", "这次", "本次", "这个", "这段", "刚才"})
_FORMATS: dict[str, Format] = {name: name for name in get_args(Format)} | {
    "markdown": "md",
    "text": "txt",
    "json": "jsonl",
    "excel": "csv",
    "网页": "html",
    "文本": "txt",
    "纯文本": "txt",
    "表格": "csv",
}
_MONTHS_AGO = {"本月": 0, "这个月": 0, "当月": 0, "上月": 1, "上个月": 1}
_ENGLISH_MONTHS = (("this month", "本月"), ("last month", "上月"), ("previous month", "上月"))
_ORDINALS = {
    f"第{numeral}{counted}": number
    for number, numeral in enumerate("一二三四五六七八九十", 1)
    for counted in ("", "次", "段", "个", "号")
}
# What people ask for and cannot have: it is said so, and no model makes up that it was done.
_NO_PERIODS = "今天|昨天|前天|[这本上]周|[这上]个?(?:星期|礼拜)|最近[一二两三几半\\d]*[天周个月年]*|今年|去年"
_NO_FORMATS = "word|docx?|wps|pptx?|xlsx?|epub|图片|长图|幻灯片"
_NUMBER = re.compile(r"(?:第|#|no\.?)?0*([1-9]\d{0,8})[次段个号]?")
_MONTH = re.compile(r"(\d{4})[-/.年](\d{1,2})月?")
_MONTH_ALONE = re.compile(r"(1[0-2]|0?[1-9])月份?")
_FILLERS = tuple(
    "聊天记录 对话记录 对话 聊天 会话 记录 的 为 成 到 格式 文件 文档 版 我 一下 一份 一个 用 以 给 请 和 与 把".split()  # noqa: SIM905 (a word a line would be a page)
)
_ENGLISH_FILLERS = frozenset(
    "a an and as chat chats conversation conversations file for format in into it me my of the this to".split()  # noqa: SIM905 (as above)
)
_SEPARATORS = re.compile(r"[\s,、;]+")
_PART = re.compile(
    rf"(?P<filler>{'|'.join(_FILLERS)})|{_MONTH.pattern}|{_MONTH_ALONE.pattern}|{_NUMBER.pattern}|"
    + "|".join(
        sorted(
            map(re.escape, (*_PREVIOUS, *_EVERYTHING, *_CURRENT, *_ORDINALS, *_MONTHS_AGO, *_FORMATS)),
            key=len,
            reverse=True,
        )
    )
)
# Never tried in another way: 对话记录 is also 对话 and 记录, and so a row of them in as many ways as there are numbers.
_NO_FORMAT = re.compile(rf"(?:{'|'.join(_FILLERS)})*+(?:{_NO_FORMATS}|{_NO_PERIODS})(?:{'|'.join(_FILLERS)})*+")
_MONTHS = range(1, 13)
# Of those before and after, some moments of this machine's time zone have no number.
_YEARS = range(1971, 9999)


_WORDS: dict[str, Wanted] = {
    **dict.fromkeys(_PREVIOUS, Previous()),
    **dict.fromkeys(_EVERYTHING, Everything()),
    **dict.fromkeys(_CURRENT, Current()),
    **{ordinal: Numbered(number) for ordinal, number in _ORDINALS.items()},
}


@dataclass(frozen=True, slots=True)
class _Wish:
    wanted: Wanted
    format: Format


async def run(order: CommandCall) -> Outcome:
    """Make the documents and send them, or say why there are none."""
    exporter = order.context.exporter
    if exporter is None:
        return order.reply("export.unavailable")
    wish = _read(order.argument)
    if isinstance(wish, str):
        return order.reply("export.unclear", word=wish)
    exported = await exporter.export(order.ask.event.chat, wish.wanted, wish.format)
    if (full := exported.full) is not None:
        return order.reply("export.full", files=full.files, megabytes=f"{full.megabytes:g}", days=full.days)
    if not exported.files:
        return order.reply(_nothing(wish.wanted))
    files = tuple(FileReply(file) for file in exported.files)
    return Outcome((TextReply(_said(order, exported)), *files))


def offered(order: CommandCall) -> bool:
    """List it where documents can be made."""
    return order.context.exporter is not None


def _read(argument: str) -> _Wish | str:
    """Read what is wanted, in any order; return the first word that is not understood."""
    wanted: Wanted = Current()
    format_: Format = "pdf"
    text = casefold_nfkc(simplified(choice_of(argument)))
    for english, word in _ENGLISH_MONTHS:
        text = text.replace(english, word)
    for word in _SEPARATORS.split(text):
        if word in _ENGLISH_FILLERS:
            continue
        parts = [word] if word in _FORMATS or _meant(word) is not None else _parts(word)
        if parts is None:
            return word
        for part in parts:
            if part in _FORMATS:
                format_ = _FORMATS[part]
            else:
                wanted = _meant(part) or wanted
    return _Wish(wanted, format_)


def _parts(word: str) -> list[str] | None:
    """Split what Chinese writes without spaces: `全部pdf`, `第3次对话为html`; None where something is left over."""
    if word.isascii():
        return None if word else []
    parts = []
    place = 0
    while place < len(word):
        found = _PART.match(word, place)
        if found is None:
            return None
        if not found["filler"]:
            parts.append(found[0])
        place = found.end()
    return parts if all(part in _FORMATS or _meant(part) is not None for part in parts) else None


def _meant(word: str) -> Wanted | None:
    if wanted := _WORDS.get(word):
        return wanted
    if (month := _MONTH.fullmatch(word)) and int(month[1]) in _YEARS and int(month[2]) in _MONTHS:
        return Month(int(month[1]), int(month[2]))
    if (ago := _MONTHS_AGO.get(word)) is not None:
        return _month_before(_months_now() - ago)
    if month := _MONTH_ALONE.fullmatch(word):
        # The latest month of that name that has begun.
        return _month_before(_months_now() - (_months_now() + 1 - int(month[1])) % 12)
    if number := _NUMBER.fullmatch(word):
        return Numbered(int(number[1]))
    return None


def _months_now() -> int:
    """Return this month, counted from the year 0."""
    today = datetime.now(UTC).astimezone()
    return today.year * 12 + today.month - 1


def _month_before(months: int) -> Month:
    return Month(months // 12, months % 12 + 1)


def _joins(_: str, rest: str) -> bool:
    """Join what `_read` understands, and the formats and periods there are not; `@导出按钮怎么做` is a question."""
    if is_courtesy(rest) or isinstance(_read(rest), _Wish):
        return True
    return _NO_FORMAT.fullmatch(casefold_nfkc(choice_of(rest))) is not None


def _nothing(wanted: Wanted) -> str:
    match wanted:
        case Current() | Everything():
            return "export.nothing"
        case Previous():
            return "export.no_previous"
        case Numbered():
            return "export.no_such"
        case Month():
            return "export.quiet_month"


def _said(order: CommandCall, exported: Exported) -> str:
    words = order.context.catalogue
    key = "export.done_one" if exported.conversations == 1 else "export.done"
    said = [words.text(key, conversations=exported.conversations, messages=exported.messages)]
    if exported.instead:
        said.insert(0, words.text("export.instead"))
    if len(exported.files) > 1:
        said.append(words.text("export.volumes", files=len(exported.files)))
    if exported.plainer:
        said.append(words.text("export.plainer"))
    return "".join(said) if words.language == "zh" else " ".join(said)


COMMAND = Command(
    name="@export",
    aliases=("@导出",),
    summary="export.summary",
    usage="export.usage",
    group="export",
    order=3,
    run=run,
    offered=offered,
    synonyms=(
        "@下载",
        "@导出对话",
        "@导出记录",
        "@导出聊天记录",
        "@导出文件",
        "@下载对话",
        "@下载记录",
        "@下载聊天记录",
        "@保存对话",
        "@保存聊天记录",
        "@把对话导出",
        "@把聊天记录导出",
        "@对话导出",
        "@汇出",
        "@download",
    ),
    joins=_joins,
    takes_suffix=True,
)
