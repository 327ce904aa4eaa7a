"""`@prompt-set TEXT` chooses how webot behaves towards one person, from the next message on."""

import re

from chains.command import DEFAULT, Command, CommandCall
from chains.commands import role
from pipeline.answer import Outcome, PersonaSet
from pipeline.text.command_line import choice_of
from pipeline.text.markdown.escape import block_quote
from pipeline.text.unicode import wellformed

MOST = 4000
"""How many characters a persona may have."""

_NUMBER = re.compile(r"#?\d{1,4}")
_NO_PERSONA = tuple(
    "的 怎 有哪 有什么 和 与 在 里 上 好 了 崩 塌 名 卡 图 集 吗 之 扮演游戏 是什么".split()  # noqa: SIM905 (a word a line would be a page)
)


async def run(order: CommandCall) -> Outcome:
    """Set the persona, set it back, or say what it is."""
    text = wellformed(order.argument)
    if not text:
        return await _current(order)
    if order.folded_choice in DEFAULT:
        return order.reply("persona.reset", PersonaSet(""))
    if _NUMBER.fullmatch(order.choice):
        # A number alone is one of the library: `@角色 12`.
        return await role.run(order)
    if len(text) > MOST:
        return order.reply("persona.too_long", length=len(text), most=MOST)
    return order.reply("persona.set", PersonaSet(text))


async def _current(order: CommandCall) -> Outcome:
    context = order.context
    known = await context.memory.load(order.ask.event.chat, turns=0, idle_minutes=context.chat.idle_minutes)
    if not known.persona:
        return order.reply("persona.none")
    return order.reply("persona.current", persona=block_quote(known.persona))


def _joins(_: str, rest: str) -> bool:
    """Join a description: `@角色的意思`, `@角色扮演` and `@人设崩塌` are about the words themselves."""
    return choice_of(rest) != "扮演" and not rest.startswith(_NO_PERSONA)


COMMAND = Command(
    name="@prompt-set",
    aliases=("@角色", "@设定", "@人设"),
    summary="persona.summary",
    usage="persona.usage",
    group="persona",
    order=8,
    run=run,
    synonyms=(
        "@角色设定",
        "@设定角色",
        "@设置角色",
        "@人物设定",
        "@prompt",
        "@prompt set",
        "@prompt_set",
        "@promptset",
        "@persona",
    ),
    takes_text=True,
    joins=_joins,
)
