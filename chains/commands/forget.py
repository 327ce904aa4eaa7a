"""`@forget` deletes everything of a person, once they have said so twice: the second time is an answer to the first."""

from datetime import UTC, datetime, timedelta

from chains.command import Command, CommandCall
from pipeline.answer import ForgetAsked, Forgotten, Outcome
from pipeline.text.command_line import choice_of, is_courtesy
from pipeline.text.folding import casefold_nfkc

_YES = frozenset({"yes", "confirm", "确认", "确定", "是", "是的", "确认删除", "确定删除"})
_NO = frozenset({"no", "cancel", "不", "不要", "不用", "不了", "否", "算了", "取消", "不删", "不删了", "不删除"})
_MINUTES = 10
"""For how long a yes answers the question."""


async def run(order: CommandCall) -> Outcome:
    """Ask, delete everything, or leave it."""
    said = order.folded_choice
    if said in _NO:
        return order.reply("forget.kept")
    if said in _YES and await _was_asked(order):
        return order.reply("forget.done", Forgotten())
    return order.reply("forget.sure", ForgetAsked(), minutes=_MINUTES)


async def _was_asked(order: CommandCall) -> bool:
    known = await order.context.memory.load(order.ask.event.sender, turns=0, idle_minutes=0)
    asked = known.forget_asked_at
    return asked is not None and datetime.now(UTC) - asked < timedelta(minutes=_MINUTES)


COMMAND = Command(
    name="@forget",
    aliases=("@忘记我", "@删除记录"),
    summary="forget.summary",
    group="export",
    order=60,
    run=run,
    synonyms=(
        "@忘了我",
        "@删除我的记录",
        "@删除我的数据",
        "@删除数据",
        "@删除对话",
        "@删除全部对话",
        "@删除所有对话",
        "@删除聊天记录",
        "@删除历史",
        "@删除历史记录",
        "@forget-me",
        "@forgetme",
    ),
    joins=lambda _name, rest: is_courtesy(rest) or choice_of(casefold_nfkc(rest)) in _YES | _NO,
)
