"""`@plain` has messages come as plain text, which WeChat's plugin shows, too."""

from functools import partial

from chains.choose_style import choose_style
from chains.command import Command

COMMAND = Command(
    name="@plain",
    aliases=("@纯文本",),
    summary="style.plain_summary",
    order=10,
    run=partial(choose_style, style="plain"),
    offered=lambda order: order.ask.capabilities.styles,
    synonyms=(
        "@纯文字",
        "@文字模式",
        "@不要markdown",
        "@关闭markdown",
        "@文本模式",
        "@纯文本模式",
        "@plain-text",
        "@plaintext",
    ),
)
