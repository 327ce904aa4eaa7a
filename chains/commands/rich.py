"""`@rich` has messages come as Markdown: bold, links and colours."""

from functools import partial

from chains.choose_style import choose_style
from chains.command import Command

COMMAND = Command(
    name="@rich",
    aliases=("@富文本",),
    summary="style.rich_summary",
    order=11,
    run=partial(choose_style, style="rich"),
    offered=lambda order: order.ask.capabilities.styles,
    synonyms=("@富文本模式", "@带格式", "@打开markdown", "@markdown", "@formatted"),
)
