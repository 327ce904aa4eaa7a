"""Keeps a person's choice of plain text or Markdown: what `@plain` and `@rich` have in common."""

from chains.command import DEFAULT, CommandCall
from pipeline.answer import MessageStyle, Outcome, StyleChosen


async def choose_style(order: CommandCall, style: MessageStyle) -> Outcome:
    """Choose a style, or what the settings say again."""
    if not order.ask.capabilities.styles:
        return order.reply("style.unavailable")
    if order.folded_choice in DEFAULT:
        return order.reply("style.reset", StyleChosen(""))
    return order.reply(f"style.{style}", StyleChosen(style))
